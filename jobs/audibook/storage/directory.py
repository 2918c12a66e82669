"""Objects as files of a local folder."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from audibook.errors import ObjectNotFoundError, StorageError
from audibook.workspace import workspace

from .base import ObjectInfo, checked_key

__all__ = ["DirectoryStorage"]

_OBJECTS = "objects"
_NOTES = "notes"
_PARTS = "parts"
_MOVES = 100
_PIECE_BYTES = 1 << 20
# What the system says of a key that names a folder, goes through a file or is too long for it.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
_DEFAULT_TYPE = "application/octet-stream"


class DirectoryStorage:
    """Keeps each object as a file below `root/objects`, of the same name as its key.

    Content type and metadata lie beside it in `root/notes`. A new object is written to
    `root/parts`, synced to disk and moved into place, so a crash leaves the old one; what it
    leaves in `root/parts` goes away with the next object that is stored.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        for folder in (_OBJECTS, _NOTES, _PARTS):
            (self._root / folder).mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Where the object's file is, or would be."""
        return self._root / _OBJECTS / checked_key(key)

    def put_file(
        self, key: str, path: Path, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """See Storage."""
        note = json.dumps({"contentType": content_type, "metadata": dict(metadata or {})})
        target = self.path(key)
        with self._errors(f"store {key!r}"):
            # The note goes first: without its object it means nothing.
            self._place(self._note(key), note.encode())
            self._place(target, path)

    def fetch_file(self, key: str, path: Path) -> None:
        """See Storage."""
        with self._errors(f"fetch {key!r}"):
            try:
                original = self.path(key).open("rb")
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                raise ObjectNotFoundError(f"No object {key!r} in storage.") from None
            with original, path.open("wb") as copy:
                shutil.copyfileobj(original, copy, _PIECE_BYTES)

    def info(self, key: str) -> ObjectInfo | None:
        """See Storage."""
        with self._errors(f"look up {key!r}"):
            status = _status(self.path(key))
            if status is None:
                return None
            try:
                note = json.loads(self._note(key).read_text("utf-8"))
            except FileNotFoundError:  # a file which somebody put there by hand
                note = {}
        return ObjectInfo(
            key,
            status.st_size,
            note.get("contentType", _DEFAULT_TYPE),
            note.get("metadata", {}),
        )

    def delete(self, key: str) -> None:
        """See Storage."""
        with self._errors(f"delete {key!r}"):
            for path, top in ((self.path(key), _OBJECTS), (self._note(key), _NOTES)):
                if _status(path) is not None:
                    path.unlink(missing_ok=True)
                    _remove_empty(path.parent, self._root / top)

    def keys(self, prefix: str) -> Iterator[str]:
        """See Storage."""
        objects = self._root / _OBJECTS
        folder = prefix.rpartition("/")[0]
        if folder:
            checked_key(folder)
        if not os.path.isdir(objects / folder):
            return iter(())
        with self._errors(f"list {prefix!r}"):
            found = [
                path.relative_to(objects).as_posix()
                for path in (objects / folder).rglob("*")
                if path.is_file()
            ]
        return iter(sorted(key for key in found if key.startswith(prefix)))

    def close(self) -> None:
        """See Storage."""

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        """Say in one sentence what could not be done."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"Cannot {action} in {self._root}: {error}") from error

    def _note(self, key: str) -> Path:
        return self._root / _NOTES / f"{checked_key(key)}.json"

    def _place(self, target: Path, source: Path | bytes) -> None:
        with workspace(self._root / _PARTS) as folder:
            part = folder / "part"
            part.touch(0o600)
            with part.open("wb") as file:
                if isinstance(source, bytes):
                    file.write(source)
                else:
                    with source.open("rb") as original:
                        shutil.copyfileobj(original, file, _PIECE_BYTES)
                file.flush()
                os.fsync(file.fileno())
            _move(part, target)


def _move(part: Path, target: Path) -> None:
    # Another thread may remove a folder as empty in between; then make it again.
    for _ in range(_MOVES - 1):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        except (FileNotFoundError, FileExistsError):
            continue
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


def _status(path: Path) -> os.stat_result | None:
    """What the system knows of the file, or None when there is none."""
    try:
        status = path.stat()
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    return status if stat.S_ISREG(status.st_mode) else None


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top:
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone already
            return
        folder = folder.parent
