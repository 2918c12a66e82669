"""What style sheets hide, raise, or set on lines of their own; in doubt they do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from lxml import etree

from audibook.errors import EpubError

from .archive import Archive
from .decoding import decode
from .markup import INLINE, Element, all_text, attribute, local_name
from .package import resolve
from .style_rules import (
    DEEPEST,
    Identity,
    Rule,
    aspects_in,
    identity_of,
    read_rules,
    without_comments,
)

__all__ = ["Styles"]

_LONGEST_SHEET = 1 << 20
_MOST_RULES = 3000
_SHOWN_MEDIA = {"", "all", "screen"}
_IMPORT = re.compile(
    r"""@import\s++(?:url\(\s*+)?+["']?+([^"'();\s]++)["']?+\s*+\)?+([^;{}]{0,100}+);""",
    re.IGNORECASE,
)
_NEVER_RULED = {"", "html", "body"}  # comments and instructions have no name
_RAISING = ("vertical-align", "font-variant-position", "top", "bottom")
_OWN_LINE = {"block", "flex", "grid", "list-item", "table", "table-row"}


class Styles:
    """The style sheets of one archive, each read once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._sheets: dict[str, list[Rule]] = {}
        self._found: list[Rule] = []
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

    def _rules(self, name: str, root: Element) -> Iterator[Rule]:
        for element in root.iter():
            kind = local_name(element)
            if kind == "style":
                yield from self._with_imported(name, all_text(element))
            elif kind == "link" and _applies(element):
                place = resolve(self._archive, name, attribute(element, "href"))
                yield from self._sheet(place.name) if place else ()

    def _sheet(self, name: str, depth: int = 0) -> Sequence[Rule]:
        if name not in self._sheets:
            self._sheets[name] = []  # for sheets that import each other
            try:
                data = self._archive.read(name)
            except EpubError:  # a damaged style sheet must not cost the text
                data = b""
            text = decode(data[:_LONGEST_SHEET])
            self._sheets[name] = list(self._with_imported(name, text, depth))
        return self._sheets[name]

    def _with_imported(self, name: str, sheet: str, depth: int = 0) -> Iterator[Rule]:
        """The rules of a sheet in this file, and before them those of the sheets it imports."""
        text = without_comments(sheet)
        for found in _IMPORT.finditer(text):
            place = resolve(self._archive, name, found.group(1))
            if place and found.group(2).strip().lower() in _SHOWN_MEDIA and depth < DEEPEST:
                yield from self._sheet(place.name, depth + 1)
        yield from read_rules(text)


def _applies(link: Element) -> bool:
    return attribute(link, "rel").lower().split() == ["stylesheet"] and (
        attribute(link, "media").lower() in _SHOWN_MEDIA
    )


class _Rules:
    """The rules of a document, by what an element must have for them to matter."""

    def __init__(self, found: Sequence[Rule]) -> None:
        self._by_key: dict[str, list[Rule]] = {}
        for place, rule in enumerate(found):
            placed = replace(rule, rank=(*rule.rank, place))
            self._by_key.setdefault(rule.key, []).append(placed)
        compounds = [c for rule in found for c in (rule.target, *(c for c, _ in rule.around))]
        self._ids = {compound.id for compound in compounds}
        self._classes = frozenset().union(*(compound.classes for compound in compounds))

    def strongest(self, root: Element) -> Iterator[tuple[Element, dict[str, Rule]]]:
        """Each element with the rule that counts for each aspect which it does not say itself.

        The rules are asked once for all elements that are alike, and lie within others that are.
        """
        paths: dict[tuple[int, Identity], int] = {}
        found: dict[int, dict[str, Rule]] = {}
        around = [0]
        for event, element in etree.iterwalk(root, events=("start", "end")):
            if event == "end":
                around.pop()
                continue
            name, element_id, classes = identity_of(element)
            known_id = element_id if element_id in self._ids else ""
            identity = name, known_id, classes & self._classes
            path = paths.setdefault((around[-1], identity), len(paths) + 1)
            around.append(path)
            if path not in found:
                found[path] = self._matching(element, identity)
            strongest = found[path]
            if strongest:
                own = aspects_in(element.get("style", ""))
                strongest = {k: rule for k, rule in strongest.items() if k not in own}
            yield element, strongest

    def _matching(self, element: Element, identity: Identity) -> dict[str, Rule]:
        name, element_id, classes = identity
        if name in _NEVER_RULED:
            return {}
        strongest: dict[str, Rule] = {}
        keys = {"", name, f"#{element_id}", *(f".{value}" for value in classes)}
        for rule in chain.from_iterable(self._by_key.get(key, ()) for key in keys):
            if rule.matches(element, identity):
                before = strongest.get(rule.aspect)
                if before is None or rule.rank > before.rank:
                    strongest[rule.aspect] = rule
        return strongest


def _placed(strongest: Mapping[str, Rule]) -> str:
    """What the element's own attribute would say of its place in the line."""
    shown = {aspect: rule.value for aspect, rule in strongest.items()}
    raised = "".join(f";{name}:{shown[name]}" for name in _RAISING if name in shown)
    if shown.get("float", "none") != "none":
        return f"{raised};float:{shown['float']}"  # a drop cap does, and is part of its word
    own_line = shown.get("position") in {"absolute", "fixed"} or shown.get("display") in _OWN_LINE
    return ";display:block" if own_line else raised
