"""The old service's HTTP interface over a jetbull queue.

`create_app` gives the ASGI application, `serve` runs it; `service` holds what the calls do,
`routes` the paths, `bodies` and `answers` the JSON that goes in and out, `correlation` and `guard`
what every request passes on its way.
"""

from __future__ import annotations

from jetbull.extras import imports_of

with imports_of("api"):
    from .app import create_app
    from .service import QueueService
    from .serving import serve
    from .settings import ApiSettings

__all__ = ["ApiSettings", "QueueService", "create_app", "serve"]
