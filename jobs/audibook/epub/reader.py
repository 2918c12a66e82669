"""Reading a whole EPUB into pages of paragraphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audibook.errors import EpubError

from .archive import Archive
from .blocks import DocumentText, TextOptions
from .contents import is_contents_page
from .encryption import check_not_encrypted
from .limits import Limits
from .markup import Element, attribute, local_name, own_text, parse
from .navigation import Navigation, read_navigation
from .package import Metadata, Package, read_package
from .paragraphs import ParagraphSizes, make_paragraphs
from .text import document_text

__all__ = ["ParsedBook", "ParsedPage", "ReadOptions", "read_cover", "read_epub", "read_metadata"]

_XHTML = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"}
_TEXT_SUFFIXES = (".xhtml", ".html", ".htm", ".xht")
_SKIPPED_GUIDE = ("toc", "cover")
_SKIPPED_TYPES = {"toc", "cover", "landmarks"}
_SHORT = 500


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a book is cut into pages and paragraphs."""

    sizes: ParagraphSizes = field(default_factory=ParagraphSizes)
    text: TextOptions = field(default_factory=TextOptions)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """A page; positions are offsets in characters into the text of its document."""

    number: int
    source: str
    source_chapter: int
    title: str | None
    paragraphs: Sequence[str]
    start_position: int = 0
    end_position: int = 0


@dataclass(frozen=True, slots=True)
class ParsedBook:
    """A whole book: its pages, the documents read, what was left out by which rule."""

    metadata: Metadata
    pages: Sequence[ParsedPage]
    documents: Sequence[str]
    removed: Counter[str]

    @property
    def paragraph_count(self) -> int:
        """Paragraphs of all pages."""
        return sum(len(page.paragraphs) for page in self.pages)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of the spine, parsed."""

    name: str
    root: Element
    label: str | None
    """What the table of contents calls it."""
    own_title: str | None
    """What its title element says, unless that is only the book's title."""

    def title(self, text: DocumentText) -> str | None:
        """The best title: the label, else the first heading, else its own."""
        return self.label or text.heading or self.own_title


def read_epub(path: Path, options: ReadOptions | None = None) -> ParsedBook:
    """One page for each document of the spine that holds text, in reading order.

    Contents pages, the cover and everything that `removal` names are not read. Raises
    EpubError with one sentence that names the fault; a book without any text is one.
    """
    options = options or ReadOptions()
    with Archive(path, options.limits) as archive:
        package = read_package(archive)
        check_not_encrypted(archive, package)
        navigation = read_navigation(archive, package)
        pages: list[ParsedPage] = []
        names: list[str] = []
        removed: Counter[str] = Counter()
        for name in reading_order(package):
            document = open_document(archive, package, navigation, name)
            names.append(name)
            text = document_text(document.root, options.text)
            removed.update(text.removed)
            if rule := _skipped(package, document, text):
                removed[rule] += sum(len("".join(block.text.split())) for block in text.blocks)
                continue
            paragraphs = make_paragraphs(text.blocks, options.sizes)
            if paragraphs:
                number = len(pages) + 1
                pages.append(ParsedPage(number, name, number, document.title(text), paragraphs))
    if not pages:
        raise no_pages(len(names))
    return ParsedBook(package.metadata, pages, names, removed)


def read_metadata(path: Path) -> Metadata:
    """What the book says of itself; raises EpubError when it cannot be read."""
    with Archive(path) as archive:
        return read_package(archive).metadata


def read_cover(path: Path) -> tuple[bytes, str] | None:
    """The cover picture (JPEG or PNG) and its file name in the archive, or None."""
    with Archive(path) as archive:
        name = read_package(archive).cover
        return None if name is None else (archive.read(name), name)


def reading_order(package: Package) -> list[str]:
    """Names of the documents to be read; pictures give way to their fallback document."""
    names: list[str] = []
    for item in package.spine:
        tried = {item.id}
        while not (item.media_type in _XHTML or item.href.lower().endswith(_TEXT_SUFFIXES)):
            following = package.manifest.get(item.fallback)
            if following is None or following.id in tried:
                break
            item = following
            tried.add(item.id)
        readable = item.media_type in _XHTML or item.media_type == "image/svg+xml"
        if item.name and (readable or item.href.lower().endswith(_TEXT_SUFFIXES)):
            names.append(item.name)
    return [name for name in dict.fromkeys(names) if name != package.nav]


def open_document(
    archive: Archive, package: Package, navigation: Navigation, name: str
) -> Document:
    """The document, parsed, with what it is called."""
    root = parse(archive.read(name), name, package.metadata.language or "")
    return Document(name, root, navigation.title_of(name), _own_title(root, package))


def no_pages(documents: int) -> EpubError:
    """The error for a book in which no text was found."""
    return EpubError(
        f"No pages extracted from EPUB: its {documents} documents hold no text to read aloud "
        "(a book of pictures only?)."
    )


def _own_title(root: Element, package: Package) -> str | None:
    """The document's title element, unless every document has the book's title there."""
    heads = (e for e in root.iter() if local_name(e) == "title")
    title = next((own_text(e) for e in heads), "")
    book = package.metadata.title or ""
    return None if not title or book.lower() in title.lower() else title


def _skipped(package: Package, document: Document, text: DocumentText) -> str | None:
    """The rule by which a whole document is not read: a cover, or a contents page."""
    kinds = {
        kind
        for element in document.root.iter()
        if local_name(element) in {"html", "body"}
        for kind in attribute(element, "type").split()
    } & _SKIPPED_TYPES
    for kind in _SKIPPED_GUIDE:
        place = package.guide.get(kind)
        if place is not None and place.name == document.name and not place.fragment:
            kinds.add(kind)
    if not kinds:
        return None
    # A guide that points to the wrong document must not cost a chapter.
    if kinds != {"cover"} and is_contents_page(text):
        return "contents page"
    return "cover" if "cover" in kinds and len(text.text) < _SHORT else None
