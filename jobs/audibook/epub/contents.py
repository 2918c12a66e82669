"""Tables of contents inside a document: found, and left out of what is read aloud."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from .blocks import Block, DocumentText

__all__ = ["is_contents_page", "is_numbering", "without_contents_lists"]

_RULE = "contents list"
_SHORTEST_LIST = 3
_LONGEST_ENTRY = 120
"""Characters, on the average: contents of old novels tell much of a chapter."""
_TITLES = {
    *("contents", "chapters", "table of contents", "list of illustrations", "illustrations"),
    *("תוכן", "תוכן העניינים", "תוכן עניינים", "المحتويات", "فهرس", "الفهرس"),
    *("inhalt", "inhaltsverzeichnis", "table des matières", "sommaire", "índice", "indice"),
    *("contenido", "sumário", "sommario", "cuprins", "taula de continguts", "содержание"),
    *("оглавление", "зміст", "spis treści", "obsah", "tartalom", "tartalomjegyzék", "inhoud"),
    *("inhoudsopgave", "innehåll", "innehållsförteckning", "indhold", "indholdsfortegnelse"),
    *("innhold", "innholdsfortegnelse", "sisällys", "sisällysluettelo", "İçindekiler".lower()),
    *("περιεχόμενα", "فهرست", "فهرست مطالب", "אינהאַלט", "目次", "目录", "目錄", "차례", "목차"),
}
_INTRODUCED = re.compile("[:?：？؟;]\\W*$")
_LONGEST_INTRODUCED = 12
_CLAUSE = re.compile(r"[,;،؛，、；]\W*$")
_SENTENCE = re.compile(r"[.,;:!?…،؛؟。！？，、；：׃]\W*$")
_WORD = re.compile(r"\w+")
_NUMBERING = re.compile(
    r"\d+|[ivxlcm]+|[א-ת]{1,2}|chap|chapter|part|book|section|page|p|pp|פרק|חלק|עמוד", re.IGNORECASE
)
_LEADER_CHARACTERS = 40
_LEADER = re.compile(r"(?:\.\s?){4}\W*\d+$|…\W*\d+$")
"""Dots that lead from a title to the number of its page, as in a printed book."""


def is_numbering(text: str) -> bool:
    """Whether the text only says which chapter or page it is: "Chapter IV.", "... 27"."""
    return all(_NUMBERING.fullmatch(word.group()) for word in _WORD.finditer(text))


def is_contents_page(text: DocumentText) -> bool:
    """Whether at least half of the document is, or was, the text of links.

    Headings do not count, and a paragraph of prose makes it none.
    """
    linked = text.removed[_RULE] + sum(len(block.text) for block in text.blocks if block.linked)
    others = [len(b.text) for b in text.blocks if not b.linked and b.level is None]
    prose = max(others, default=0) > _LONGEST_ENTRY
    return not text.blocks or (linked > 0 and not prose and linked >= sum(others))


def without_contents_lists(text: DocumentText) -> DocumentText:
    """The text less each run of three or more blocks that are nothing but links, or lead to pages.

    Kept are a chapter's own headings, which may lead back to the contents, paragraphs, and
    what a sentence before them leads up to, such as the choices of a game book.
    The heading before such a run goes with it when it says that contents follow; then two entries,
    or three links in one paragraph, are enough, and other words, such as an author's name, may
    stand beside them.
    """
    if not any(map(_is_entry, text.blocks)):
        return text
    lists = Counter(
        (block.list_number, _leads_elsewhere(block))
        for block in text.blocks
        if block.linked or not is_numbering(block.text)
    )
    blocks: list[Block] = []
    run: list[Block] = []
    removed = Counter(text.removed)

    def end_run() -> None:
        following = _following(run)
        before = blocks[-1] if blocks else Block("")
        titled = _is_title(before)
        introduced = not titled and before.level is None and _INTRODUCED.search(before.text)
        links = sum(max(len(b.links) if titled else 0, _leads_elsewhere(b)) for b in run)
        shortest = 2 if titled and all(block.linked for block in run) else _SHORTEST_LIST
        short = links < shortest or (introduced and links <= _LONGEST_INTRODUCED)
        untitled = not titled and (_is_among_others(run, lists) or _are_sentences(run))
        if short or _is_text(run) or untitled:
            blocks.extend(run)
        else:
            if titled:
                run.insert(0, blocks.pop())
            removed[_RULE] += sum(len("".join(b.text.split())) for b in run)
        blocks.extend(following)
        run.clear()

    for block in text.blocks:
        numbering = block.level is None and is_numbering(block.text)
        titled = bool(blocks) and _is_title(blocks[-1]) and len(block.links) > 0
        entry = titled and len(block.text) <= _LONGEST_ENTRY and block.level is None
        if _leads_elsewhere(block) or numbering or entry:
            run.append(block)
        else:
            end_run()
            blocks.append(block)
    end_run()
    return DocumentText(blocks, removed)


def _following(run: list[Block]) -> list[Block]:
    """Take from the run's end the number of the chapter that follows it."""
    last = max((n for n, block in enumerate(run, 1) if _is_entry(block)), default=0)
    if any(block.text.strip(" .").isdigit() for block in run[:last]):
        last += 1  # of the page to which the last entry leads
    following = run[last:]
    del run[last:]
    return following


def _is_title(block: Block) -> bool:
    return block.text.strip(" .:").lower() in _TITLES


def _is_entry(block: Block) -> bool:
    """Whether any of it leads elsewhere."""
    return len(block.links) > 0 or _leads_elsewhere(block)


def _leads_elsewhere(block: Block) -> bool:
    """Whether all of it does, or it ends with the number of a page."""
    ending = block.text[-_LEADER_CHARACTERS:]
    return block.linked or (ending[-1:].isdigit() and _LEADER.search(ending) is not None)


def _is_among_others(run: Sequence[Block], lists: Counter[tuple[int, bool]]) -> bool:
    """Whether the items belong to a list of which many others are no links."""
    numbers = {block.list_number for block in run} - {0}
    others = sum(lists[number, False] for number in numbers)
    return others * 2 >= sum(lists[number, True] for number in numbers) > 0


def _are_sentences(run: Sequence[Block]) -> bool:
    """Whether the lines of a poem, or sentences, lead to what is said of each in one document."""
    entries = [block for block in run if block.links]
    in_clauses = sum(_CLAUSE.search(block.text) is not None for block in entries)
    if in_clauses > 1 and in_clauses * 5 >= len(entries):
        return True
    places = [link.partition("#") for block in entries for link in block.links]
    documents = {document if sign else f"{document}#" for document, sign, _ in places}
    ended = sum(_SENTENCE.search(block.text) is not None for block in entries)
    return len(documents) == 1 and ended * 2 >= len(entries)


def _is_text(run: Sequence[Block]) -> bool:
    """Whether links are no list: headings of one chapter, or long as paragraphs are."""
    levels = [block.level or 0 for block in run]
    nested = levels[0] > 0 and all(upper < lower for upper, lower in pairwise(levels))
    entries = sum(max(len(block.links), 1) for block in run)
    of_one_chapter = len({place for block in run for place in block.links}) == 1
    long = sum(len(block.text) for block in run) > _LONGEST_ENTRY * entries
    return nested or of_one_chapter or long
