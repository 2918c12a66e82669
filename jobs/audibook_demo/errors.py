"""What stops the demo."""

from __future__ import annotations

from jetbull import JetbullError

__all__ = ["DemoError"]


class DemoError(JetbullError):
    """The demo cannot go on; the message says why and what to do."""
