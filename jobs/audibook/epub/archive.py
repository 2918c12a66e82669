"""The zip archive of an EPUB, read without trusting it."""

from __future__ import annotations

import codecs
import posixpath
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from audibook.errors import EpubError

from .limits import Limits

__all__ = ["Archive"]

_ENCRYPTED_FLAG = 0x1
_UTF8_FLAG = 0x800
_HEADER_BYTES = 30
_START_BYTES = 200
_KINDLE = {b"BOOKMOBI", b"TEXtREAd"}
_OTHER_KINDS = {
    b"%pdf": "a PDF",
    b"rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a file packed by gzip",
    b"{\\rtf": "a document in RTF",
    b"\xd0\xcf\x11\xe0": "a document of Word",
    b"at&tform": "a DjVu document",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}
"""By the first bytes, in small letters."""
# How names are written by tools that do not say so: UTF-8 first, for little else is UTF-8.
_NAME_ENCODINGS = ("utf-8", "cp1252", "cp862", "cp1255")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    UnicodeDecodeError,
    ValueError,
)


class Archive:
    """Reads single files of the archive into memory; nothing is unpacked to disk.

    Raises EpubError when the file is no zip archive or exceeds the limits.
    """

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._path = path
        self._read = 0
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise EpubError(f"There is no file {path.name!r} to read.") from None
        except _BROKEN:
            other = _other_kind(path)
            raise EpubError(
                f"The file is not an EPUB but {other}; upload the book as EPUB."
                if other
                else "The file is not an EPUB: it is no complete zip archive; upload it again."
            ) from None
        try:
            self._check()
        except EpubError:
            self._zip.close()
            raise
        entries = [e for e in self._zip.infolist() if _is_file(e)]
        self._names = {entry.filename: entry.filename for entry in entries}
        self._folded = {_folded(name): name for name in self._names}
        for entry in entries:
            for spelling in _spellings(entry):
                self._folded.setdefault(_folded(spelling), entry.filename)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def names(self) -> list[str]:
        """Names of all files, in the archive's order."""
        return list(self._names)

    def find(self, path: str) -> str | None:
        """The file's name in the archive for a path in a document, or None.

        Tries the path as written, then percent-decoded, then without regard to case, to
        how accented letters are composed, and to backslashes, `./` and `/` before it.
        """
        for candidate in (path, unquote(path)):
            for spelling in (candidate, _plain(candidate)):
                name = self._names.get(spelling) or self._folded.get(_folded(spelling))
                if name is not None:
                    return name
        return None

    def read(self, name: str) -> bytes:
        """The file's bytes; raises EpubError when it is broken, locked or too large."""
        info = self._zip.getinfo(name)
        if info.flag_bits & _ENCRYPTED_FLAG:
            raise EpubError(
                f"The EPUB is encrypted: {name!r} needs a password; upload an unprotected copy."
            )
        if info.file_size > self._limits.document:
            raise EpubError(
                f"{name!r} in the EPUB holds {info.file_size:,} bytes; "
                f"at most {self._limits.document:,} are read from one document."
            )
        self._read += info.file_size
        if self._read > self._limits.documents:
            raise EpubError(
                f"The EPUB's documents hold more than {self._limits.documents:,} bytes of text."
            )
        try:
            # zipfile refuses what is called otherwise there, with a backslash or in another code.
            info.orig_filename = _name_before_data(self._path, info.header_offset)
            with self._zip.open(info) as file:
                return file.read(info.file_size)
        except _BROKEN as error:
            raise EpubError(
                f"{name!r} in the EPUB is damaged ({error}); upload the file again."
            ) from None

    def _check(self) -> None:
        entries = self._zip.infolist()
        if len(entries) > self._limits.entries:
            raise EpubError(
                f"The EPUB holds {len(entries):,} files; at most {self._limits.entries:,} "
                "are accepted."
            )
        unpacked = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries)
        too_dense = unpacked > max(self._limits.ratio_from, packed * self._limits.ratio)
        if too_dense or unpacked > self._limits.unpacked:
            raise EpubError(
                f"The EPUB would unpack from {packed:,} to {unpacked:,} bytes, which no real "
                "book does; it is refused as a zip bomb."
            )


def _other_kind(path: Path) -> str | None:
    """What a file is by its first bytes that people take for a book in EPUB."""
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
    except OSError:
        return None
    if start[60:68] in _KINDLE:
        return "a Kindle book"
    start = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return next((kind for sign, kind in _OTHER_KINDS.items() if start.startswith(sign)), None)


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Whether the entry is neither a folder nor a link, whose bytes are the name of a file.

    Nor what macOS adds for itself to the folders that it packs.
    """
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    is_folder = entry.filename.endswith(("/", "\\"))
    return not is_folder and not is_link and not entry.filename.startswith("__MACOSX/")


def _name_before_data(path: Path, offset: int) -> str:
    """What the entry whose header begins there is called in it, beside the archive's directory."""
    with path.open("rb") as file:
        file.seek(offset)
        header = file.read(_HEADER_BYTES)
        name = file.read(int.from_bytes(header[26:28], "little"))
    flags = int.from_bytes(header[6:8], "little")
    return name.decode("utf-8" if flags & _UTF8_FLAG else "cp437")


def _spellings(entry: zipfile.ZipInfo) -> Iterator[str]:
    """The paths which an entry's name may be meant to be."""
    names = [entry.filename]
    if not entry.flag_bits & _UTF8_FLAG and not entry.filename.isascii():
        written = entry.filename.encode("cp437")
        for encoding in _NAME_ENCODINGS:
            try:
                names.append(written.decode(encoding))
            except UnicodeDecodeError:
                continue
    for name in names:
        yield _plain(name)
        yield _plain(unquote(name))


def _plain(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/")).lstrip("/")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
