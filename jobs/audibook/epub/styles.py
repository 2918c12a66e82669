"""What style sheets hide, raise, or set on lines of their own; in doubt they do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from lxml import etree

from audibook.errors import EpubError

from .archive import Archive
from .decoding import decode
from .markup import INLINE, Element, all_text, attribute, local_name
from .package import resolve

__all__ = ["Styles"]

_Identity = tuple[str, str, frozenset[str]]
"""An element's name, id and classes."""
_LONGEST_SHEET = 1 << 20
_MOST_RULES = 3000
_DEEPEST = 20
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
_SHOWN_MEDIA = {"", "all", "screen"}
_IMPORT = re.compile(
    r"""@import\s++(?:url\(\s*+)?+["']?+([^"'();\s]++)["']?+\s*+\)?+([^;{}]{0,100}+);""",
    re.IGNORECASE,
)
_EVERY_MEDIA = re.compile(r"@media\s+(?:all|screen)", re.I)
_NEVER_RULED = {"", "html", "body"}  # comments and instructions have no name
_RAISING = ("vertical-align", "font-variant-position", "top", "bottom")
_OWN_LINE = {"block", "flex", "grid", "list-item", "table", "table-row"}


@dataclass(frozen=True, slots=True)
class _Compound:
    """A name, an id and classes which an element must have; empty ones do not matter."""

    name: str
    id: str
    classes: frozenset[str]

    def matches(self, element: _Identity) -> bool:
        name, element_id, classes = element
        return self.name in {"", name} and self.id in {"", element_id} and self.classes <= classes


@dataclass(frozen=True, slots=True)
class _Rule:
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
        return self.value == _HIDING.get(self.aspect)

    def matches(self, element: Element, identity: _Identity) -> bool:
        return self.target.matches(identity) and self._lies_within(element)

    def _lies_within(self, element: Element) -> bool:
        ancestors = element.iterancestors() if self.around else iter(())
        for compound, next_one in self.around:
            for ancestor in ancestors:
                if compound.matches(_identity(ancestor)):
                    break
                if next_one:
                    return False
            else:
                return False
        return True


class Styles:
    """The style sheets of one archive, each read once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._sheets: dict[str, list[_Rule]] = {}
        self._found: list[_Rule] = []
        self._rules_found = _Rules([])

    def apply(self, name: str, root: Element) -> list[Element]:
        """Note in the elements' own attributes `hidden` and `style` what the sheets say of them.

        Gives those that are hidden. Known are rules for names, classes and ids, also within
        (`a b`, `a > b`) others. What holds under a condition only does nothing, and neither
        does a rule for the whole document.
        """
        found = list(self._rules(name, root))
        if not found or len(found) > _MOST_RULES:
            return []
        if found != self._found:  # most documents of a book have the same sheets
            self._found, self._rules_found = found, _Rules(found)
        hidden = []
        for element, strongest in self._rules_found.strongest(root):
            if element.get("hidden") is None and any(r.hides for r in strongest.values()):
                element.set("hidden", "")
                hidden.append(element)
            elif strongest and local_name(element) in INLINE:
                element.set("style", element.get("style", "") + _placed(strongest))
            elif "float" in strongest:
                element.set("style", f"{element.get('style', '')};float:{strongest['float'].value}")
        return hidden

    def _rules(self, name: str, root: Element) -> Iterator[_Rule]:
        for element in root.iter():
            kind = local_name(element)
            if kind == "style":
                yield from self._with_imported(name, all_text(element))
            elif kind == "link" and _applies(element):
                place = resolve(self._archive, name, attribute(element, "href"))
                yield from self._sheet(place.name) if place else ()

    def _sheet(self, name: str, depth: int = 0) -> Sequence[_Rule]:
        if name not in self._sheets:
            self._sheets[name] = []  # for sheets that import each other
            try:
                data = self._archive.read(name)
            except EpubError:  # a damaged style sheet must not cost the text
                data = b""
            text = decode(data[:_LONGEST_SHEET])
            self._sheets[name] = list(self._with_imported(name, text, depth))
        return self._sheets[name]

    def _with_imported(self, name: str, sheet: str, depth: int = 0) -> Iterator[_Rule]:
        """The rules of a sheet in this file, and before them those of the sheets it imports."""
        text = _without_comments(sheet)
        for found in _IMPORT.finditer(text):
            place = resolve(self._archive, name, found.group(1))
            if place and found.group(2).strip().lower() in _SHOWN_MEDIA and depth < _DEEPEST:
                yield from self._sheet(place.name, depth + 1)
        yield from _read(text)


def _applies(link: Element) -> bool:
    return attribute(link, "rel").lower().split() == ["stylesheet"] and (
        attribute(link, "media").lower() in _SHOWN_MEDIA
    )


class _Rules:
    """The rules of a document, by what an element must have for them to matter."""

    def __init__(self, found: Sequence[_Rule]) -> None:
        self._by_key: dict[str, list[_Rule]] = {}
        for place, rule in enumerate(found):
            placed = replace(rule, rank=(*rule.rank, place))
            self._by_key.setdefault(rule.key, []).append(placed)
        compounds = [c for rule in found for c in (rule.target, *(c for c, _ in rule.around))]
        self._ids = {compound.id for compound in compounds}
        self._classes = frozenset().union(*(compound.classes for compound in compounds))

    def strongest(self, root: Element) -> Iterator[tuple[Element, dict[str, _Rule]]]:
        """Each element with the rule that counts for each aspect which it does not say itself.

        The rules are asked once for all elements that are alike, and lie within others that are.
        """
        paths: dict[tuple[int, _Identity], int] = {}
        found: dict[int, dict[str, _Rule]] = {}
        around = [0]
        for event, element in etree.iterwalk(root, events=("start", "end")):
            if event == "end":
                around.pop()
                continue
            name, element_id, classes = _identity(element)
            known_id = element_id if element_id in self._ids else ""
            identity = name, known_id, classes & self._classes
            path = paths.setdefault((around[-1], identity), len(paths) + 1)
            around.append(path)
            if path not in found:
                found[path] = self._matching(element, identity)
            strongest = found[path]
            if strongest:
                own = {f.group(1).lower() for f in _SHOWING.finditer(element.get("style", ""))}
                strongest = {k: rule for k, rule in strongest.items() if k not in own}
            yield element, strongest

    def _matching(self, element: Element, identity: _Identity) -> dict[str, _Rule]:
        name, element_id, classes = identity
        if name in _NEVER_RULED:
            return {}
        strongest: dict[str, _Rule] = {}
        keys = {"", name, f"#{element_id}", *(f".{value}" for value in classes)}
        for rule in chain.from_iterable(self._by_key.get(key, ()) for key in keys):
            if rule.matches(element, identity):
                before = strongest.get(rule.aspect)
                if before is None or rule.rank > before.rank:
                    strongest[rule.aspect] = rule
        return strongest


def _identity(element: Element) -> _Identity:
    classes = frozenset(element.get("class", "").split())
    return local_name(element), element.get("id", ""), classes


def _placed(strongest: Mapping[str, _Rule]) -> str:
    """What the element's own attribute would say of its place in the line."""
    shown = {aspect: rule.value for aspect, rule in strongest.items()}
    raised = "".join(f";{name}:{shown[name]}" for name in _RAISING if name in shown)
    if shown.get("float", "none") != "none":
        return f"{raised};float:{shown['float']}"  # a drop cap does, and is part of its word
    own_line = shown.get("position") in {"absolute", "fixed"} or shown.get("display") in _OWN_LINE
    return ";display:block" if own_line else raised


def _read(sheet: str) -> Iterator[_Rule]:
    """The rules, of a sheet without comments, that say where or whether something is shown."""
    text = _STRING.sub("", sheet)
    preludes: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        part = text[start : boundary.start()]
        start = boundary.end()
        if boundary.group() == "{":
            preludes.append(part.strip())
            if len(preludes) > _DEEPEST:
                return
            continue
        if preludes and not preludes[-1].startswith("@"):
            media = [p for p in preludes[:-1] if not _EVERY_MEDIA.fullmatch(p)]
            if not any(_UNSEEN_MEDIA.fullmatch(p) for p in media):
                yield from _declared(preludes[-1], part, certain=not media)
        if boundary.group() == "}" and preludes:
            preludes.pop()


def _declared(selectors: str, declaration: str, *, certain: bool) -> Iterator[_Rule]:
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
            yield _Rule(parts[-1], compounds[-2::-1], kind, value, rank)


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


def _without_comments(sheet: str) -> str:
    parts = []
    start = 0
    while (opened := sheet.find("/*", start)) >= 0:
        parts.append(sheet[start:opened])
        closed = sheet.find("*/", opened + 2)
        if closed < 0:
            return "".join(parts)
        start = closed + 2
    return "".join([*parts, sheet[start:]])
