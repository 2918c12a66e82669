"""For tests of code that uses jetbull: a running server, an empty one, and a leak check.

    pytest_plugins = ["jetbull.testing.plugin"]     # in conftest.py

gives the fixtures `nats_server` (runs for the whole session, NATS_URL points to it), `jetbull_url`
(its URL, and everything is empty before and after the test) and `no_jetbull_leaks`. Without
pytest: `NatsServer`, `flush` (in `flushing`) and `no_leaks` (in `leaks`).
"""

from __future__ import annotations

from jetbull.server import EmbeddedServer as NatsServer
from jetbull.testing.flushing import flush
from jetbull.testing.leaks import LeakError, no_leaks

__all__ = ["LeakError", "NatsServer", "flush", "no_leaks"]
