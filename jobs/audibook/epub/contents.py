"""Tables of contents inside a document: found, and left out of what is read aloud."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from .blocks import Block, DocumentText

__all__ = ["is_contents_page", "without_contents_lists"]

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
_PAGE_REFERENCE = re.compile(r"[\d\s.ivxlc]+")


def is_contents_page(text: DocumentText) -> bool:
    """Whether at least half of the document is, or was, the text of links."""
    listed = text.removed[_RULE]
    total = listed + sum(len(block.text) for block in text.blocks)
    linked = listed + sum(len(block.text) for block in text.blocks if block.linked)
    return linked * 2 >= total


def without_contents_lists(text: DocumentText) -> DocumentText:
    """The text less each run of three or more blocks that are nothing but links.

    Kept are a chapter's own headings, which may lead back to the contents, paragraphs, and
    what a sentence before them leads up to, such as the choices of a game book.
    The heading before such a run goes with it when it says that contents follow.
    """
    if not any(block.linked for block in text.blocks):
        return text
    blocks: list[Block] = []
    run: list[Block] = []
    removed = Counter(text.removed)

    def end_run() -> None:
        before = blocks[-1] if blocks else Block("")
        titled = before.text.strip(" .:").lower() in _TITLES
        introduced = not titled and before.level is None and _INTRODUCED.search(before.text)
        links = sum(block.linked for block in run)
        if links < _SHORTEST_LIST or _is_text(run) or (introduced and links <= _LONGEST_INTRODUCED):
            blocks.extend(run)
        else:
            if titled:
                run.insert(0, blocks.pop())
            removed[_RULE] += sum(len("".join(b.text.split())) for b in run)
        run.clear()

    for block in text.blocks:
        if block.linked or (run and _PAGE_REFERENCE.fullmatch(block.text)):
            run.append(block)
        else:
            end_run()
            blocks.append(block)
    end_run()
    return DocumentText(blocks, removed)


def _is_text(run: Sequence[Block]) -> bool:
    """Whether links are no list: headings one below the other, or long as paragraphs are."""
    levels = [block.level or 0 for block in run]
    nested = levels[0] > 0 and all(upper < lower for upper, lower in pairwise(levels))
    return nested or sum(len(block.text) for block in run) > _LONGEST_ENTRY * len(run)
