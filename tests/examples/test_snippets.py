"""Every Python block of the README and of docs/ runs on a real server and prints what it says."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.examples.snippets import Snippet, snippets_of

ROOT = Path(__file__).parents[2]
PAGES = [
    str(page.relative_to(ROOT))
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    if snippets_of(page)
]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.filterwarnings("ignore:.* is BullMQ 5's name:DeprecationWarning")
async def test_the_snippets_of_a_page_do_what_they_say(
    page: str, jetbull_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for snippet in snippets_of(ROOT / page):
            if snippet.is_program:
                printed = _printed_by_program(snippet)
            else:
                await _run_here(page, snippet, names)
                printed = capsys.readouterr().out
            if snippet.printed:
                assert printed.splitlines() == list(snippet.printed), f"{page}:{snippet.line}"
    finally:
        await _close_all(names)


async def _run_here(page: str, snippet: Snippet, names: dict[str, Any]) -> None:
    """Runs a block in the page's session; tracebacks show the page's lines."""
    source = "\n" * snippet.line + snippet.code
    code = compile(source, str(ROOT / page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.isawaitable(result):
        await result


def _printed_by_program(snippet: Snippet) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", snippet.code],
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


async def _close_all(names: dict[str, Any]) -> None:
    """Closes what a page left open, workers before what they use."""
    opened = [
        value for value in names.values() if hasattr(value, "close") and hasattr(value, "opts")
    ]
    for thing in {id(value): value for value in reversed(opened)}.values():
        await thing.close()


def test_the_pages_of_all_classes_have_snippets() -> None:
    pages = {path.name for path in (ROOT / "docs" / "api").glob("*.md")}
    assert {Path(page).name for page in PAGES if page.startswith("docs/api/")} == pages
