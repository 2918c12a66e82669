"""Reading a whole EPUB into pages of paragraphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, dropwhile
from pathlib import Path
from typing import Any, Literal

from audibook.errors import EpubError

from .archive import Archive
from .blocks import TextOptions
from .cover import cover_picture
from .documents import Document, read_documents
from .encryption import check_not_encrypted
from .limits import Limits
from .navigation import Navigation, read_navigation
from .package import Metadata, read_package
from .pages import PageBreak, Stretch, cut_into_pages
from .paragraphs import ParagraphSizes, make_paragraphs
from .sections import chapter_anchors, chapter_starts, sections
from .signs import PageSigns, SignKinds
from .text import MarkFinder

__all__ = [
    "Method",
    "ParsedBook",
    "ParsedPage",
    "ReadOptions",
    "read_cover",
    "read_epub",
    "read_metadata",
]

_CHAPTER_LEVELS = {1, 2}
_CONTENTS_SHARE = 1 / 3
"""Of the documents, named by the contents; where it is less they do not list all chapters."""

Method = Literal["xhtml-based", "page-based"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a book is cut into pages and paragraphs."""

    sizes: ParagraphSizes = field(default_factory=ParagraphSizes)
    text: TextOptions = field(default_factory=TextOptions)
    limits: Limits = field(default_factory=Limits)
    signs: SignKinds = field(default_factory=SignKinds)
    """Which signs of a page break count, in `page-based`."""
    min_confidence: float = 0.6
    """How sure a sign must be to count, 0 to 1."""


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """A page; positions are offsets in characters into the text of its document.

    `break_info` holds, for `page-based`, what its first and last break were; for `xhtml-based`
    `chapters`, the order of each paragraph at which the contents have a chapter begin and its
    title, where that is not the page as a whole: none for one that goes on with a chapter.
    """

    number: int
    source: str
    source_chapter: int
    title: str | None
    paragraphs: Sequence[str]
    start_position: int = 0
    end_position: int = 0
    break_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParsedBook:
    """A whole book: its pages, the documents read, what was left out by which rule.

    `faults` has a sentence for each document of the reading order that is empty or missing.
    """

    metadata: Metadata
    pages: Sequence[ParsedPage]
    documents: Sequence[str]
    removed: Counter[str]
    faults: Sequence[str] = ()

    @property
    def paragraph_count(self) -> int:
        """Paragraphs of all pages."""
        return sum(len(page.paragraphs) for page in self.pages)


def read_epub(
    path: Path, method: Method = "xhtml-based", options: ReadOptions | None = None
) -> ParsedBook:
    """The book's pages in reading order, of the documents in its spine.

    By `xhtml-based` each document with text is a page. By `page-based` it is cut at the
    places of the book's list of printed pages, or where it has none at the signs of a
    page break. Contents pages, the cover and everything that `removal` names are not
    read; documents that are empty or missing are passed over and named. Raises EpubError
    with one sentence that names the fault; a book without any text is one.
    """
    options = options or ReadOptions()
    with Archive(path, options.limits) as archive:
        package = read_package(archive)
        check_not_encrypted(archive, package)
        navigation = read_navigation(archive, package)
        named = {entry.place.name for entry in navigation.contents}
        has_contents = len(named) >= len(package.spine) * _CONTENTS_SHARE
        find_marks = _mark_finders(navigation, method, options)
        pages: list[ParsedPage] = []
        names: list[str] = []
        removed: Counter[str] = Counter()
        faults = list(package.faults)
        for document in read_documents(archive, package, navigation, options.text, find_marks):
            if document.fault is not None:
                faults.append(document.fault)
                continue
            names.append(document.name)
            removed.update(document.text.removed)
            if method == "xhtml-based":
                follows = bool(pages) and has_contents
                pages += _whole(len(pages) + 1, document, navigation, options, follows=follows)
                continue
            title = document.title
            for stretch in cut_into_pages(document.text, min_confidence=options.min_confidence):
                paragraphs = make_paragraphs(stretch.blocks, options.sizes)
                if paragraphs:
                    title = _heading(stretch) or title
                    pages.append(_page(len(pages) + 1, document, title, stretch, paragraphs))
                    title = _last_heading(stretch) or title
    if not pages and faults:
        raise EpubError(faults[0])
    if not pages:
        raise EpubError(
            f"No pages extracted from EPUB: its {len(names)} documents hold no text to read "
            "aloud (a book of pictures only?)."
        )
    return ParsedBook(package.metadata, pages, names, removed, faults)


def read_metadata(path: Path) -> Metadata:
    """What the book says of itself; raises EpubError when it cannot be read."""
    with Archive(path) as archive:
        return read_package(archive).metadata


def read_cover(path: Path) -> tuple[bytes, str] | None:
    """The cover picture (JPEG, PNG, GIF or WebP) and its file name in the archive, or None."""
    with Archive(path) as archive:
        name = cover_picture(archive, read_package(archive))
        return None if name is None else (archive.read(name), name)


def _mark_finders(
    navigation: Navigation, method: Method, options: ReadOptions
) -> Callable[[str], MarkFinder | None]:
    """What finds the page breaks of each document, or the chapters which begin there."""
    anchors: dict[str, dict[str, str]] = {}
    if method == "xhtml-based":
        anchors = chapter_anchors(navigation)
    elif not navigation.page_list:
        signs = PageSigns(options.signs)
        return lambda _name: signs
    for entry in navigation.page_list if method == "page-based" else ():
        anchors.setdefault(entry.place.name, {})[entry.place.fragment] = entry.label
    return lambda name: PageSigns(anchors=anchors.get(name, {}))


def _whole(
    number: int,
    document: Document,
    navigation: Navigation,
    options: ReadOptions,
    *,
    follows: bool,
) -> Iterator[ParsedPage]:
    """The document as one page, with the chapters of the contents that begin or go on there."""
    parted = sections(document.text.blocks)
    cut = [make_paragraphs(blocks, options.sizes) for blocks in parted]
    if not any(cut):
        return
    has_marks = any(block.marks for block in document.text.blocks)
    whole = navigation.whole().get(document.name) if has_marks else document.title
    title = document.title
    info: dict[str, Any] = {}
    if has_marks or (whole is None and follows):
        starts = chapter_starts(parted, cut, whole, follows=follows)
        title = starts[0][1] if starts and starts[0][0] == 0 else title
        info = {} if starts == [(0, title)] else {"chapters": starts}
    paragraphs = list(chain.from_iterable(cut))
    yield ParsedPage(number, document.name, number, title, paragraphs, break_info=info)


def _heading(stretch: Stretch) -> str | None:
    """The heading at which a page within a document begins."""
    first = stretch.blocks[0]
    return first.text if stretch.start_break and first.level in _CHAPTER_LEVELS else None


def _last_heading(stretch: Stretch) -> str | None:
    """The heading of what goes on at the page's end, where it stands below other text."""
    blocks = dropwhile(lambda block: block.level is not None, stretch.blocks)
    return next((b.text for b in reversed(list(blocks)) if b.level in _CHAPTER_LEVELS), None)


def _page(
    number: int, document: Document, title: str | None, stretch: Stretch, paragraphs: list[str]
) -> ParsedPage:
    return ParsedPage(
        number=number,
        source=document.name,
        source_chapter=document.place,
        title=title,
        paragraphs=paragraphs,
        start_position=stretch.start,
        end_position=stretch.end,
        break_info={"startBreak": _info(stretch.start_break), "endBreak": _info(stretch.end_break)},
    )


def _info(found: PageBreak | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)
