"""`jetbull demo`: a book becomes an audiobook on this machine, through every part of the system.

`command_line` reads the options into a `plan`, `show` runs the whole, `processes` keeps server,
interface and workers alive, `interface` talks HTTP, `making` takes the book through the queue,
`flow` makes the tree of jobs, `progress` follows it and `boards` draw it; `errors` are what
stops it.
"""

from __future__ import annotations

from jetbull.cli import Command

__all__ = ["command"]

command = Command(
    "turn a book into an audiobook, everything on this machine",
    "audibook_demo.command_line",
    extra="server,api,audiobook",
)
"""The entry point `demo` of the group `jetbull.commands`; no submodule may have this name."""
