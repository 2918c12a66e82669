"""Brings jetbull's fixtures: a real server of the test session's own, empty for each test."""

from __future__ import annotations

pytest_plugins = ["jetbull.testing.plugin"]
