"""The old service's HTTP interface over a jetbull queue.

`create_app` (`app`) gives the ASGI application, `serve` (`serving`) runs it, by `settings` of the
environment; `service` holds what the calls do, `routes` the paths, `bodies` and `answers` the JSON
that goes in and out, `parsing` what bodies may be besides. `correlation`, `express` and `guard` are
what every request passes on its way, `errors` and `stopping` what a caller hears whose call fails,
or is cut short.
"""

from __future__ import annotations

from jetbull.extras import imports_of

with imports_of("api"):
    from .app import create_app
    from .service import QueueService
    from .serving import serve
    from .settings import ApiSettings

__all__ = ["ApiSettings", "QueueService", "create_app", "serve"]
