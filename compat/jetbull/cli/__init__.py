"""The command `jetbull`.

`main` parses and dispatches; each command is one module with `configure(parser)` and `run(args)`,
found through `registry`. Other packages add commands by the entry point group `jetbull.commands`.
"""

from __future__ import annotations

from .command import Command
from .main import main

__all__ = ["Command", "main"]
