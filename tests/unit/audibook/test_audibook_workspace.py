"""Temporary folders: one per attempt, and gone whatever happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from audibook.workspace import workspace


def test_the_folder_is_gone_after_the_block(tmp_path: Path) -> None:
    with workspace(tmp_path / "work") as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("x")
        with workspace(tmp_path / "work") as other:
            assert other != folder
        assert folder.is_dir()
    assert list((tmp_path / "work").iterdir()) == []


def test_the_folder_is_gone_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with workspace(tmp_path) as folder:
            (folder / "file").write_text("x")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from audibook.workspace import workspace\n"
        "with workspace(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'left').write_text('x'); print(folder, flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        with workspace(tmp_path):
            assert (folder / "left").exists(), "a running attempt must be left alone"
        process.kill()
    with workspace(tmp_path):
        assert not folder.exists()
    assert list(tmp_path.iterdir()) == []
