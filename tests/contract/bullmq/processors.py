"""Processors that do nothing but end, well or badly."""

from __future__ import annotations

from typing import Any


async def done(job: Any, token: str) -> str:
    return "done"


async def fail(job: Any, token: str) -> None:
    raise ValueError("no")


async def by_name(job: Any, token: str) -> str:
    return f"value of {job.name}"
