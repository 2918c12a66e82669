"""Run old code on NATS by one line before its first `import bullmq`."""

from __future__ import annotations

import asyncio

import jetbull

jetbull.install_as_bullmq()

import old_caller  # noqa: E402 - whatever imports bullmq comes after the line above

if __name__ == "__main__":
    asyncio.run(old_caller.main())
