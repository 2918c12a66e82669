"""What a style sheet says of where, or whether, something is shown: its rules, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .markup import Element, local_name

__all__ = [
    "DEEPEST",
    "Identity",
    "Rule",
    "aspects_in",
    "identity_of",
    "read_rules",
    "without_comments",
]

Identity = tuple[str, str, frozenset[str]]
"""An element's name, id and classes."""
DEEPEST = 20
"""So far down are read blocks within each other, and sheets that import each other."""
_STRING = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_BOUNDARY = re.compile("[{};]")
_SHOWING = re.compile(
    r"(?<![\w-])(display|visibility|float|position|vertical-align|font-variant-position|top|bottom)"
    r"\s*+:\s*+([\w.%+-]+)\s*+"
    r"(!\s*+important)?",
    re.I,
)
_PAGE_FRAME = {"oeb-page-head", "oeb-page-foot"}
"""Displays of EPUB 2: running heads and feet of pages."""
_HIDING = {"display": "none", "visibility": "hidden"}
_COMPOUND = re.compile(r"(\*|[A-Za-z][\w-]*)?((?:[.#][A-Za-z_][\w-]*)*)")
_PART = re.compile(r"([.#])([\w-]+)")
_UNSEEN_MEDIA = re.compile(r"@media\s+(?:only\s+)?(?:amzn-\w+|print|speech|aural)", re.I)
_EVERY_MEDIA = re.compile(r"@media\s+(?:all|screen)", re.I)


@dataclass(frozen=True, slots=True)
class _Compound:
    """A name, an id and classes which an element must have; empty ones do not matter."""

    name: str
    id: str
    classes: frozenset[str]

    def matches(self, element: Identity) -> bool:
        name, element_id, classes = element
        return self.name in {"", name} and self.id in {"", element_id} and self.classes <= classes


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for the elements of a selector: its last compound, and those around it.

    `around` goes from the inside out; True for one that must be the very next.
    """

    target: _Compound
    around: Sequence[tuple[_Compound, bool]]
    aspect: str
    value: str
    rank: tuple[int, ...]
    """Whether it is important, then how many ids, classes and names it has, then its place."""

    @property
    def key(self) -> str:
        """What an element must have for this rule to matter: an id, a class or a name."""
        if self.target.id:
            return f"#{self.target.id}"
        return f".{min(self.target.classes)}" if self.target.classes else self.target.name

    @property
    def hides(self) -> bool:
        """Whether an element is not seen for which this rule counts."""
        return self.value == _HIDING.get(self.aspect)

    def matches(self, element: Element, identity: Identity) -> bool:
        """Whether it is said of this element, whose identity may lack what no rule names."""
        return self.target.matches(identity) and self._lies_within(element)

    def _lies_within(self, element: Element) -> bool:
        ancestors = element.iterancestors() if self.around else iter(())
        for compound, next_one in self.around:
            for ancestor in ancestors:
                if compound.matches(identity_of(ancestor)):
                    break
                if next_one:
                    return False
            else:
                return False
        return True


def identity_of(element: Element) -> Identity:
    """The name, id and classes of an element."""
    classes = frozenset(element.get("class", "").split())
    return local_name(element), element.get("id", ""), classes


def aspects_in(declarations: str) -> set[str]:
    """What the declarations of one element say something of."""
    return {found.group(1).lower() for found in _SHOWING.finditer(declarations)}


def read_rules(sheet: str) -> Iterator[Rule]:
    """The rules, of a sheet without comments, that say where or whether something is shown."""
    text = _STRING.sub("", sheet)
    preludes: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        part = text[start : boundary.start()]
        start = boundary.end()
        if boundary.group() == "{":
            preludes.append(part.strip())
            if len(preludes) > DEEPEST:
                return
            continue
        if preludes and not preludes[-1].startswith("@"):
            media = [p for p in preludes[:-1] if not _EVERY_MEDIA.fullmatch(p)]
            if not any(_UNSEEN_MEDIA.fullmatch(p) for p in media):
                yield from _declared(preludes[-1], part, certain=not media)
        if boundary.group() == "}" and preludes:
            preludes.pop()


def _declared(selectors: str, declaration: str, *, certain: bool) -> Iterator[Rule]:
    found = _SHOWING.match(declaration.strip())
    if found is None:
        return
    kind = found.group(1).lower()
    value = found.group(2).lower()
    if value in _PAGE_FRAME:
        value = "none"
    if not certain:
        if value == _HIDING.get(kind):
            return
        value = "unknown"
    important = found.group(3) is not None
    for selector in selectors.split(","):
        compounds = _compounds(selector)
        if compounds:
            parts = [compound for compound, _ in compounds]
            ids, names = sum(bool(p.id) for p in parts), sum(bool(p.name) for p in parts)
            rank = (important, ids, sum(len(p.classes) for p in parts), names)
            yield Rule(parts[-1], compounds[-2::-1], kind, value, rank)


def _compounds(selector: str) -> list[tuple[_Compound, bool]]:
    """The selector's parts, each with whether the next is its child; none where it is unknown."""
    compounds: list[tuple[_Compound, bool]] = []
    for part in selector.replace(">", " > ").split():
        if part == ">" and compounds:
            compounds[-1] = (compounds[-1][0], True)
            continue
        found = _COMPOUND.fullmatch(part)
        if found is None:
            return []
        marks = _PART.findall(found.group(2))
        ids = [value for mark, value in marks if mark == "#"]
        classes = frozenset(value for mark, value in marks if mark == ".")
        name = (found.group(1) or "").lower().replace("*", "")
        compounds.append((_Compound(name, ids[0] if ids else "", classes), False))
    return compounds


def without_comments(sheet: str) -> str:
    """The sheet without its comments; one that does not end takes along all that follows."""
    parts = []
    start = 0
    while (opened := sheet.find("/*", start)) >= 0:
        parts.append(sheet[start:opened])
        closed = sheet.find("*/", opened + 2)
        if closed < 0:
            return "".join(parts)
        start = closed + 2
    return "".join([*parts, sheet[start:]])
