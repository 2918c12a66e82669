"""The picture on a book's cover, wherever the book names it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from audibook.errors import EpubError

from .archive import Archive
from .manifest import Item
from .markup import attribute, local_name, own_text, parse
from .package import Package, resolve

__all__ = ["cover_picture"]

_TYPES = {"image/jpeg", "image/jpg", "image/pjpeg", "image/png", "image/gif", "image/webp"}
_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
_COVER = "cover"


def cover_picture(archive: Archive, package: Package) -> str | None:
    """The name in the archive of the JPEG, PNG, GIF or WebP picture, or None.

    The package document names it by its properties, or by id or path as in EPUB 2; where it
    does not, it is the one called so, or the only one on the cover's page or on a first page
    without text.
    """
    items = package.manifest.items
    candidates = [
        *(i for i in items if "cover-image" in i.properties),
        *(i for i in items if package.cover and package.cover in {i.id, i.href}),
        *(i for i in items if _COVER in i.id.lower()),
        *(i for i in items if _COVER in posixpath.basename(i.href).lower()),
    ]
    named = (item.name for item in candidates if _is_picture(item.href, item.media_type))
    return next(filter(None, named), None) or next(_on_pages(archive, package, candidates), None)


def _is_picture(name: str, media_type: str = "") -> bool:
    return media_type in _TYPES or name.lower().endswith(_SUFFIXES)


def _on_pages(archive: Archive, package: Package, candidates: list[Item]) -> Iterator[str]:
    """The pictures that stand alone on the pages which may be the cover."""
    guide = package.guide.get(_COVER)
    first = package.spine[0].name
    names = [guide.name if guide else None, *(item.name for item in candidates), first]
    for name in dict.fromkeys(filter(None, names)):
        try:
            root = parse(archive.read(name), name)
        except EpubError:  # a picture of another kind, or damaged
            continue
        links = (
            attribute(e, "src") or attribute(e, "href")
            for e in root.iter()
            if local_name(e) in {"img", "image"}
        )
        places = [resolve(archive, name, link) for link in links]
        pictures = [place.name for place in places if place and _is_picture(place.name)]
        bodies = (e for e in root.iter() if local_name(e) == "body")
        if len(pictures) == 1 and (name != first or not any(map(own_text, bodies))):
            yield pictures[0]
