"""Draw docs/images/demo.svg from a real run: `pip install pyte`, then run this from the root.

The demo runs on a pseudo terminal of 100 columns; what its screen shows at the end becomes the
picture.
"""

from __future__ import annotations

import os
import pty
import re
import sys
import tempfile
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

_COLUMNS, _ROWS = 100, 30
_TARGET = Path(__file__).with_name("demo.svg")


def main() -> None:
    """Run the demo in a folder of its own and draw its last screen."""
    screen = pyte.Screen(_COLUMNS, _ROWS)
    stream = pyte.ByteStream(screen)
    with tempfile.TemporaryDirectory(prefix="jetbull-") as folder:
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(folder)
            os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(_COLUMNS), "LINES": str(_ROWS)}
            command = [sys.executable, "-m", "jetbull.cli", "demo"]
            os.execv(command[0], command)  # noqa: S606 - our own command
        while True:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # how Linux tells that the other side is closed
                break
            stream.feed(data)
        os.waitpid(process, 0)
    console = Console(record=True, width=_COLUMNS)
    console.print("[bold green]$[/] ./run demo")
    for text in _lines(screen):
        here = text.plain.replace(folder, "~/jetbull")
        console.print(text if here == text.plain else here, highlight=False, soft_wrap=True)
    console.save_svg(str(_TARGET), title="./run demo")


def _lines(screen: pyte.Screen) -> list[Text]:
    """The screen's rows, without the empty ones at the end."""
    lines = []
    for row in range(_ROWS):
        text = Text()
        for column in range(_COLUMNS):
            cell = screen.buffer[row][column]
            text.append(cell.data, Style(color=_color(cell.fg), bold=cell.bold))
        text.rstrip()
        lines.append(text)
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def _color(name: str) -> str | None:
    """Rich's word for a colour of pyte's."""
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return {"brown": "yellow"}.get(name, name.replace("bright", "bright_"))


if __name__ == "__main__":
    main()
