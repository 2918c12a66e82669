"""A package whose extra is missing says which one to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXTRAS = [
    ("audibook", "sqlalchemy", "audiobook"),
    ("audibook.worker", "lxml", "audiobook"),
    ("audibook.epub", "lxml", "audiobook"),
    ("jetbull.http", "fastapi", "api"),
    ("jetbull.http", "uvicorn", "api"),
    ("jetbull.telemetry.opentelemetry", "opentelemetry", "telemetry"),
]


@pytest.mark.parametrize(("module", "package", "extra"), EXTRAS)
def test_an_import_without_its_extra_says_what_to_install(
    module: str, package: str, extra: str
) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; import {module}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stderr.splitlines()[-1] == (
        f"jetbull.extras.ExtraMissing: The Python package {package} is not installed: "
        f"`pip install 'jetbull[{extra}]'` brings it."
    )


def test_callers_may_ask_whether_an_extra_is_there_as_for_any_module() -> None:
    program = (
        "import sys; sys.modules['fastapi'] = None\n"
        "try:\n    import jetbull.http\n"
        "except ModuleNotFoundError as error:\n    print(error.name)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stdout == "fastapi\n"


def test_a_program_of_ones_own_that_needs_an_extra_says_so_at_the_command_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(
        "import sys\nsys.modules['sqlalchemy'] = None\nimport audibook\n"
        "async def process(job): return None\n"
    )
    command = [sys.executable, "-m", "jetbull", "worker", "mine:process"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (
        1,
        "jetbull: The Python package sqlalchemy is not installed: "
        "`pip install 'jetbull[audiobook]'` brings it.\n",
    )
