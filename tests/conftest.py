"""What all tests share: the fixtures that jetbull.testing gives its users."""

from __future__ import annotations

pytest_plugins = ["jetbull.testing.plugin"]
