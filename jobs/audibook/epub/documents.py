"""The documents of a book in reading order, less its cover and contents page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .archive import Archive
from .blocks import DocumentText, TextOptions
from .contents import is_contents_page
from .drop_caps import join_drop_caps
from .headings import with_headings
from .hyphens import with_whole_words
from .indexes import INDEX_TYPES, is_index_page
from .markup import Element, EmptyDocumentError, attribute, local_name, own_text, parse
from .navigation import Navigation
from .notes import Notes
from .package import Package
from .pictures import pictured_title, says
from .styles import Styles
from .text import MarkFinder, document_text

__all__ = ["Document", "read_documents", "reading_order"]

_SKIPPED_GUIDE = ("toc", "cover")
_SKIPPED_TYPES = {"toc", "cover", "landmarks"} | INDEX_TYPES
_NAMELESS = {"unknown", "untitled"}
_SHORT = 500
_FIRST = 5
"""Blocks among which the title of a document stands, if it stands there."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document and its text; `place` counts from 1 through the chapters in reading order."""

    place: int
    name: str
    title: str | None
    """What the table of contents calls it, else its first heading, else a title of its own."""
    text: DocumentText
    fault: str | None = None
    """Why there is nothing in it, where it is not even a document."""


def read_documents(
    archive: Archive,
    package: Package,
    navigation: Navigation,
    options: TextOptions,
    find_marks: Callable[[str], MarkFinder | None],
) -> Iterator[Document]:
    """Each document in turn; one that is not to be read has no blocks.

    `find_marks` gives the finder of page breaks for a document's name.
    """
    titles = navigation.titles()
    names = reading_order(package)
    styles = Styles(archive)
    notes = Notes(archive)
    own_before: str | None = None
    place = 0
    for name in names:
        place += 1
        try:
            root = parse(archive.read(name), name, package.metadata.language or "")
        except EmptyDocumentError as error:
            yield Document(place, name, titles.get(name), DocumentText(), str(error))
            continue
        hidden = styles.apply(name, root)
        join_drop_caps(root)
        notes.mark(name, root)
        text = document_text(root, options, find_marks(name))
        if hidden and not text.blocks:
            # Scripts show it, or it lies unseen over pictures of the pages.
            for element in hidden:
                del element.attrib["hidden"]
            text = document_text(root, options, find_marks(name))
        title = titles.get(name)
        picture = pictured_title(root, title) if title and text.blocks else None
        said = " ".join(block.text for block in text.blocks[:_FIRST])
        if title and picture is not None and not says(said, title):
            picture.tag, picture.text = "h1", picture.get("alt")
            text = document_text(root, options, find_marks(name))
        # A book may be one document with its own contents list.
        contents = name == package.nav and len(names) > 1 and len(text.text) < _SHORT
        rule = "contents page" if contents else _skipping_rule(package, name, root, text)
        place -= contents  # chapters count without it, wherever it stands
        if rule is not None:
            removed = Counter(text.removed)
            removed[rule] += sum(len("".join(block.text.split())) for block in text.blocks)
            text = DocumentText((), removed)
        text = with_whole_words(text)
        text = with_headings(text, (e.label for e in navigation.contents if e.place.name == name))
        own = _own_title(root, package)
        title = title or text.heading or (None if own == own_before else own)
        own_before = own
        yield Document(place, name, title, text)


def reading_order(package: Package) -> list[str]:
    """Names of the documents to be read; pictures give way to their fallback document."""
    names: list[str] = []
    for item in package.spine:
        tried = {item.id}
        while not item.is_text:
            following = package.manifest.get(item.fallback)
            if following is None or following.id in tried:
                break
            item = following
            tried.add(item.id)
        if item.name and (item.is_text or item.media_type == "image/svg+xml"):
            names.append(item.name)
    return list(dict.fromkeys(names))


def _is_jacket(root: Element) -> bool:
    """Whether calibre put the page in, which tells what its library knows of the book."""
    told = {(e.get("name"), e.get("content")) for e in root.iter("{*}meta")}
    return ("calibre-content", "jacket") in told


def _own_title(root: Element, package: Package) -> str | None:
    """The document's title element, unless it has the book's title there, or a converter's."""
    heads = (e for e in root.iter() if local_name(e) == "title")
    title = next((own_text(e) for e in heads), "")
    book = package.metadata.title or ""
    nameless = title.lower() in _NAMELESS
    return None if not title or nameless or book.lower() in title.lower() else title


def _skipping_rule(package: Package, name: str, root: Element, text: DocumentText) -> str | None:
    """The rule by which a whole document is not read: a cover, a jacket, contents, an index."""
    if _is_jacket(root):
        return "jacket"
    kinds = {
        kind
        for element in root.iter()
        if local_name(element) in {"html", "body"}
        for kind in f"{attribute(element, 'type')} {attribute(element, 'role')}".split()
    } & _SKIPPED_TYPES
    for kind in _SKIPPED_GUIDE:
        place = package.guide.get(kind)
        if place is not None and place.name == name and not place.fragment:
            kinds.add(kind)
    is_index = not kinds.isdisjoint(INDEX_TYPES)
    if is_index_page(root, text, declared=is_index):
        return "index"
    if is_index or not kinds:
        return None
    # A guide that points to the wrong document must not cost a chapter.
    if kinds != {"cover"} and is_contents_page(text):
        return "contents page"
    return "cover" if "cover" in kinds and len(text.text) < _SHORT else None
