"""Whether the book's text is locked."""

from __future__ import annotations

from audibook.errors import EpubError

from .archive import Archive
from .markup import EmptyDocumentError, attribute, local_name, parse
from .package import Package

__all__ = ["check_not_encrypted"]

_FILE = "META-INF/encryption.xml"
_FONT_OBFUSCATION = {
    "http://www.idpf.org/2008/embedding",
    "http://ns.adobe.com/pdf/enc#RC",
}


def check_not_encrypted(archive: Archive, package: Package) -> None:
    """Raise EpubError when a document to be read is encrypted.

    Obfuscated fonts, and encrypted pictures, do not matter to the text.
    """
    name = archive.find(_FILE)
    if name is None:
        return
    try:
        root = parse(archive.read(name), name)
    except EmptyDocumentError:
        return
    documents = {item.name for item in package.spine}
    for data in root.iter():
        if local_name(data) != "encrypteddata":
            continue
        algorithms = {
            attribute(e, "Algorithm") for e in data if local_name(e) == "encryptionmethod"
        }
        if algorithms <= _FONT_OBFUSCATION and algorithms:
            continue
        uris = {attribute(e, "URI") for e in data.iter() if local_name(e) == "cipherreference"}
        locked = {archive.find(uri.lstrip("/")) for uri in uris} & documents
        if locked:
            raise EpubError(
                f"The EPUB is encrypted (DRM): {sorted(map(str, locked))[0]!r} cannot be read; "
                "upload an unprotected copy."
            )
