"""Giving notes their role, with the titles above them and what holds nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from .blocks import HEADINGS
from .markup import Element, local_name, own_text
from .note_marks import is_reference
from .removal import NOTE_HOLDERS, is_note

__all__ = ["TITLES", "mark_as_notes"]

_ROLE = "doc-footnote"
TITLES = {
    *("notes", "note", "footnotes", "footnote", "endnotes", "endnote", "הערות", "הערות שוליים"),
    *("anmerkungen", "fußnoten", "fussnoten", "endnoten", "notes de bas de page", "notas", "noten"),
    *("notas al pie", "notas de rodapé", "note a piè di pagina", "voetnoten", "przypisy", "noter"),
    *("fotnoter", "примечания", "сноски", "примітки", "الهوامش", "هوامش", "حواشي", "پانویس"),
    *("注释", "註釋", "注釋", "注解", "注", "註", "脚注", "注釈", "각주", "주석", "یادداشت‌ها"),
}
_SECTIONS = {"article", "body", "section"}
_HOLDERS = NOTE_HOLDERS | {"tr"}
_MOST_BEFORE = 10
"""Elements between the title of notes and the first of them, such as empty ones and a rule."""


def mark_as_notes(root: Element, found: Sequence[Element]) -> None:
    """Give those found the role of notes, and also their titles, and the titles of others.

    Others are those that say by themselves that they are notes.
    """
    for note in found:
        _set_role(note)
    telling = (e for e in root.iter() if "note" in "".join(map(str, e.attrib.values())))
    notes = [*found, *filter(is_note, telling)]
    for note in notes:
        _set_role_before(note)
    for parent in dict.fromkeys(note.getparent() for note in notes):
        _set_role_around(parent)


def _set_role(element: Element) -> None:
    element.set("role", f"{element.get('role', '')} {_ROLE}".strip())


def _set_role_before(note: Element) -> None:
    """The headings directly before a note are its own where they head nothing but notes."""
    for before in islice(note.itersiblings(preceding=True), _MOST_BEFORE):
        if is_note(before) or (before.tail or "").strip():
            break
        if own_text(before).strip(" .:").lower() in TITLES or _heads_notes_only(before):
            _set_role(before)
        elif own_text(before):
            break


def _heads_notes_only(heading: Element) -> bool:
    """Whether nothing else stands between this heading and the next, or the section's end.

    Not where the mark of a note stands in it: that is the title of a part, on a page of its own.
    """
    if local_name(heading) not in HEADINGS:
        return False
    if any(local_name(e) == "a" and is_reference(e) for e in heading.iter()):
        return False
    for element in (heading, *heading.iterancestors()):
        if local_name(element) in _SECTIONS:
            break
        for following in element.itersiblings():
            if own_text(following) and not is_note(following):
                return local_name(following) in HEADINGS
    return True


def _set_role_around(parent: Element | None) -> None:
    """What holds nothing but notes is a note as well."""
    while (
        parent is not None
        and local_name(parent) in _HOLDERS
        and not is_note(parent)
        and all(is_note(e) or not own_text(e) for e in parent)
        and not any((text or "").strip() for text in (parent.text, *(e.tail for e in parent)))
    ):
        _set_role(parent)
        _set_role_before(parent)
        parent = parent.getparent()
