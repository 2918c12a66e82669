"""Processors that do nothing but end."""

from __future__ import annotations

from typing import Any


async def done(job: Any, token: str) -> str:
    return "done"
