"""The package document: what the book is and in which order its documents are read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urldefrag, urlsplit

from audibook.errors import EpubError

from .archive import Archive
from .manifest import Item, Manifest
from .markup import Element, EmptyDocumentError, attribute, children, local_name, own_text, parse

__all__ = ["Metadata", "Package", "Reference", "read_package", "resolve"]

_CONTAINER = "META-INF/container.xml"
_PACKAGE_TYPE = "application/oebps-package+xml"
_NCX_TYPE = "application/x-dtbncx+xml"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the book says of itself; each is None where it says nothing."""

    title: str | None = None
    author: str | None = None
    language: str | None = None
    publisher: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a document of the archive."""

    name: str
    fragment: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package document; `spine` holds the items to be read, in reading order.

    `faults` has a sentence for each place of the reading order at which there is nothing.
    """

    name: str
    metadata: Metadata
    manifest: Manifest
    spine: Sequence[Item]
    faults: Sequence[str]
    nav: str | None
    ncx: str | None
    guide: Mapping[str, Reference]
    cover: str
    """What EPUB 2 says of the cover: the id of its picture, by mistake the path; else empty."""


def read_package(archive: Archive) -> Package:
    """The archive's first package document; raises EpubError where it or its spine is missing.

    Where no container file names one that is there, it is the only one in the archive.
    """
    name = _package_name(archive)
    root = parse(archive.read(name), name)
    metadata = _metadata(root)
    manifest = Manifest(_items(archive, name, root))
    spine_element = next(_descendants(root, "spine"), None)
    if spine_element is None:
        raise EpubError(f"The EPUB's package document {name!r} has no spine: no reading order.")
    spine, faults = _spine(spine_element, manifest)
    return Package(
        name=name,
        metadata=metadata,
        manifest=manifest,
        spine=spine,
        faults=faults,
        nav=next((i.name for i in manifest.items if "nav" in i.properties), None),
        ncx=_ncx(spine_element, manifest),
        guide=_guide(archive, name, root),
        cover=_cover(root),
    )


def resolve(archive: Archive, base: str, href: str) -> Reference | None:
    """The place which `href` in the document `base` means, or None when it is not there."""
    try:
        address, fragment = urldefrag(href.strip())
        if urlsplit(address).scheme:
            return None
    except ValueError:  # not an address at all, such as "http://["
        return None
    fragment = unquote(fragment)
    if not address:
        return Reference(base, fragment)
    # A query, as on the web, is no part of a file's name unless there is such a file.
    names = map(archive.find, (_beside(base, a) for a in (address, address.partition("?")[0])))
    name = next(filter(None, names), None)
    return None if name is None else Reference(name, fragment)


def _beside(base: str, address: str) -> str:
    """The path of an address in the document `base`."""
    folder = posixpath.dirname(base.replace("\\", "/"))
    return posixpath.normpath(posixpath.join(folder, address)).lstrip("/")


def _package_name(archive: Archive) -> str:
    container = _container(archive)
    paths = [] if container is None else _package_paths(archive, container)
    name = next((name for name in map(archive.find, paths) if name is not None), None)
    if name is not None:
        return name
    # Nobody says which it is.
    there = [name for name in archive.names() if name.casefold().endswith(".opf")]
    if len(there) == 1:
        return there[0]
    if container is None:
        raise EpubError(
            f"The EPUB has no {_CONTAINER}, so its package document cannot be found; "
            "export the book again."
        )
    if not paths:
        raise EpubError(f"The EPUB's {_CONTAINER} names no package document.")
    raise EpubError(f"The EPUB's package document {paths[0]!r} is not in the archive.")


def _container(archive: Archive) -> str | None:
    """The container file; the only one in a folder, where the book was zipped with its folder."""
    container = archive.find(_CONTAINER)
    if container is not None:
        return container
    nested = f"/{_CONTAINER}".casefold()
    there = [n for n in archive.names() if n.replace("\\", "/").casefold().endswith(nested)]
    return there[0] if len(there) == 1 else None


def _package_paths(archive: Archive, container: str) -> list[str]:
    try:
        root = parse(archive.read(container), container)
    except EmptyDocumentError:
        return []
    files = list(_descendants(root, "rootfile"))
    wanted = [f for f in files if attribute(f, "media-type") == _PACKAGE_TYPE] or files
    around = container[: -len(_CONTAINER)]
    return [f"{around}{attribute(file, 'full-path').lstrip('/')}" for file in wanted]


def _descendants(root: Element, name: str) -> Iterator[Element]:
    return (element for element in root.iter() if local_name(element) == name)


def _metadata(root: Element) -> Metadata:
    refined = {
        (attribute(meta, "refines").lstrip("#"), attribute(meta, "property")): own_text(meta)
        for meta in _descendants(root, "meta")
    }

    def texts(name: str, refinement: str, wanted: set[str]) -> list[str]:
        """Texts of the elements so refined, or of all where none is."""
        found = [(element, own_text(element)) for element in _descendants(root, name)]
        found = [(element, text) for element, text in found if text]
        chosen = [
            text
            for element, text in found
            if (refined.get((element.get("id", ""), refinement)) or attribute(element, "role"))
            in wanted
        ]
        return chosen or [text for _, text in found]

    metadata = next(_descendants(root, "metadata"), None)
    if metadata is None:
        return Metadata()
    titles = texts("title", "title-type", {"main"})
    return Metadata(
        title=next(iter(titles), None),
        author=", ".join(dict.fromkeys(texts("creator", "role", {"aut"}))) or None,
        language=next(iter(texts("language", "", set())), None),
        publisher=next(iter(texts("publisher", "", set())), None),
        description=next(iter(texts("description", "", set())), None),
    )


def _items(archive: Archive, package: str, root: Element) -> Iterator[Item]:
    for manifest in _descendants(root, "manifest"):
        for element in children(manifest, "item"):
            href = attribute(element, "href")
            place = resolve(archive, package, href) if href else None
            # "#" and ":" belong to the name where there is no such file without them.
            name = place.name if place else archive.find(_beside(package, href))
            yield Item(
                id=attribute(element, "id").strip(),
                href=href,
                name=name,
                media_type=attribute(element, "media-type").partition(";")[0].strip().lower(),
                properties=frozenset(attribute(element, "properties").split()),
                fallback=attribute(element, "fallback"),
            )


def _spine(spine: Element, manifest: Manifest) -> tuple[list[Item], list[str]]:
    """The items there are, and what is wrong with the others; raises where there is none."""
    references = children(spine, "itemref")
    linear = [ref for ref in references if attribute(ref, "linear").lower() != "no"]
    items: list[Item] = []
    faults: list[str] = []
    ids = (attribute(reference, "idref").strip() for reference in linear or references)
    for item_id, item in manifest.referred(ids):
        if item is None:
            faults.append(
                f"The EPUB's spine names the item {item_id!r}, which its manifest does not list."
            )
        elif item.name is None:
            faults.append(
                f"The EPUB's document {item.href!r} is in the reading order but not in the archive."
            )
        else:
            items.append(item)
    if not items:
        raise EpubError(
            faults[0] if faults else "The EPUB's spine is empty: it names no document to read."
        )
    return items, faults


def _ncx(spine: Element, manifest: Manifest) -> str | None:
    named = attribute(spine, "toc")
    found = [item for item in manifest.items if item.media_type == _NCX_TYPE]
    meant = next((item for item in found if item.id == named), None) or manifest.get(named)
    return meant.name if meant else next((item.name for item in found), None)


def _guide(archive: Archive, package: str, root: Element) -> dict[str, Reference]:
    guide: dict[str, Reference] = {}
    for element in _descendants(root, "reference"):
        place = resolve(archive, package, attribute(element, "href"))
        if place is not None:
            guide.setdefault(attribute(element, "type").lower(), place)
    return guide


def _cover(root: Element) -> str:
    metas = (meta for meta in _descendants(root, "meta") if attribute(meta, "name") == "cover")
    return next((attribute(meta, "content").strip() for meta in metas), "")
