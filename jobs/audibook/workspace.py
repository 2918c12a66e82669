"""One temporary folder per attempt, gone afterwards in every case."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows has no advisory locks; nothing is swept there
    fcntl = None  # type: ignore[assignment]

__all__ = ["workspace"]

_PREFIX = "attempt-"
_LOCK = ".lock"


@contextmanager
def workspace(root: Path) -> Iterator[Path]:
    """A new folder in `root`, removed with all it holds when the block ends.

    The running process holds a lock on it. Folders whose lock is free belong to
    processes that were killed; they are removed as well.
    """
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    with (folder / _LOCK).open("wb") as lock:
        _try_lock(lock)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path) -> None:
    if fcntl is None:
        return
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            with (folder / _LOCK).open("rb") as lock:
                if _try_lock(lock):
                    shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:  # just made, or just removed by its owner
            continue


def _try_lock(file: IO[bytes]) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
