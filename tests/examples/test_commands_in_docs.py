"""Every command line of the documents names a command there is, and options it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import bull2jet.cli
import jetbull.cli

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
MAINS: dict[str, Callable[[list[str]], int]] = {
    "jetbull": jetbull.cli.main,
    "bull2jet": bull2jet.cli.main,
}
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^ *((?:jetbull|bull2jet) [^#\n]*)", re.MULTILINE)
_INLINE = re.compile(r"`((?:jetbull|bull2jet) [a-z2-][^`\n]*)`")
_OPTION = re.compile(r"--[a-z][a-z-]*")


def _command_lines() -> set[str]:
    """What the pages say is to be typed, up to a ` -- ` behind which another program stands."""
    said: set[str] = set()
    for page in PAGES:
        text = page.read_text()
        for block in _BLOCK.findall(text):
            said.update(_LINE.findall(block))
        said.update(_INLINE.findall(text))
    return {line.partition(" -- ")[0].strip() for line in said}


@pytest.mark.parametrize("line", sorted(_command_lines()))
def test_a_command_line_of_the_documents_is_one_that_works(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program, command, *_ = line.split()
    with pytest.raises(SystemExit) as ended:
        MAINS[program]([command, "--help"])
    assert ended.value.code == 0, f"{program} has no command {command}"
    told = set(_OPTION.findall(capsys.readouterr().out))
    assert set(_OPTION.findall(line)) <= told
