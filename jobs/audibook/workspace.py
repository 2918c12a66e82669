"""One temporary folder per attempt, gone afterwards in every case."""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

__all__ = ["workspace"]

_PREFIX = "attempt-"
_LOCK = ".lock"


@contextmanager
def workspace(root: Path) -> Iterator[Path]:
    """A new folder in `root`, removed with all it holds when the block ends.

    A lock beside it is held by the running process. Folders whose lock is free belong
    to processes that were killed; they are removed as well.
    """
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    lock, path = _new_lock(root)
    with lock:
        folder = path.with_suffix("")
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            path.unlink(missing_ok=True)


def _new_lock(root: Path) -> tuple[IO[bytes], Path]:
    while True:
        path = root / f"{_PREFIX}{uuid.uuid4().hex}{_LOCK}"
        lock = path.open("wb")
        _lock(lock, wait=True)
        if path.exists():
            return lock, path
        lock.close()  # swept away between the opening and the locking


def _sweep(root: Path) -> None:
    if sys.platform == "win32":
        return  # files in use cannot be told from others there
    for path in root.glob(f"{_PREFIX}*{_LOCK}"):
        try:
            with path.open("rb") as lock:
                if _lock(lock, wait=False):
                    folder = path.with_suffix("")
                    shutil.rmtree(folder, ignore_errors=True)
                    # A program that outlives its parent for a moment may still write there.
                    if not folder.exists():
                        path.unlink(missing_ok=True)
        except FileNotFoundError:  # just removed by its owner
            continue


def _lock(file: IO[bytes], *, wait: bool) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
    return True
