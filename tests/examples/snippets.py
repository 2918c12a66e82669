"""Python blocks of a Markdown page, and what they say they print.

A page's blocks are one session, as in `python -m asyncio`: names stay, `await` needs no function.
A block that calls `asyncio.run` or `install_as_bullmq` is a program of its own. The comment behind
a `print(…)` is what it prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

__all__ = ["Snippet", "snippets_of"]

_BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"^\s*print\(.*\)  # (.*)$", re.MULTILINE)
_PROGRAM = ("asyncio.run(", "install_as_bullmq(")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One block: its text, the line of the page it begins at, and what it prints."""

    code: str
    line: int
    printed: tuple[str, ...]

    @property
    def is_program(self) -> bool:
        """Whether it runs by itself, in a process of its own."""
        return any(call in self.code for call in _PROGRAM)


def snippets_of(page: Path) -> list[Snippet]:
    """The page's Python blocks in order."""
    text = page.read_text()
    return [
        Snippet(
            code=dedent(found[2]),
            line=text.count("\n", 0, found.start(2)),
            printed=tuple(_PRINTED.findall(found[2])),
        )
        for found in _BLOCK.finditer(text)
    ]
