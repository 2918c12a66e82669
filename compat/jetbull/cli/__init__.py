"""The command `jetbull`.

`main` parses and dispatches; each command is one module with `configure(parser)` and `run(args)`,
found through `registry`. Other packages add commands by the entry point group `jetbull.commands`.

server, worker, api, doctor, permissions, execute    the commands (`execute` is `jetbull exec`)
command, options, settings      what a command is; options they share, and the environment
running, loading, signals       a worker process from start to end, its processor, its end
pool, sandboxed                 jobs in processes of their own, and such a process
events, logs                    what a worker tells, as log lines
"""

from __future__ import annotations

from .command import Command
from .main import main

__all__ = ["Command", "main"]
