"""Imports stand at the top of a file, and run downwards only: the order CONTRIBUTING.md tells."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import jetbull.ledger

_ROOT = Path(__file__).parents[2]
_SOURCES = {
    "jetbull": "compat",
    "jetbull_entry": "compat",
    "audibook": "jobs",
    "audibook_demo": "jobs",
    "bull2jet": "migration",
}
_FILES = {
    ".".join(path.relative_to(_ROOT / source).with_suffix("").parts).removesuffix(".__init__"): path
    for package, source in _SOURCES.items()
    for path in (_ROOT / source / package).rglob("*.py")
}
#: What the packages may import of each other; a folder stands for all that is in it.
_ALLOWED = {
    "audibook": ["jetbull"],
    "audibook_demo": ["audibook", "jetbull"],
    "bull2jet": [
        "jetbull_entry",
        "jetbull.ledger",
        "jetbull.connection",
        "jetbull.errors",
        "jetbull._version",
    ],
    "jetbull.ledger": ["jetbull.checks", "jetbull.errors", "jetbull.tasks"],
}
_FLOOR = re.compile(r"^    ([a-z]+)/ ", re.M)


def _base(module: str, statement: ast.ImportFrom) -> str:
    """What stands between `from` and `import`, with all its dots."""
    if not statement.level:
        return statement.module or ""
    up = statement.level - (_FILES[module].name == "__init__.py")
    package = module.split(".")[: -up or None]
    return ".".join([*package, statement.module] if statement.module else package)


def _imports(module: str) -> set[str]:
    """What a module imports as it is loaded: our own modules, and others by their first name."""
    found: set[str] = set()
    body = ast.parse(_FILES[module].read_text()).body
    of_extras = [inner for block in body if isinstance(block, ast.With) for inner in block.body]
    for statement in [*body, *of_extras]:
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            base = _base(module, statement)
            names = {f"{base}.{alias.name}" for alias in statement.names}
            found |= {name if name in _FILES else base for name in names}
    return {name if name in _FILES else name.partition(".")[0] for name in found}


_IMPORTS = {module: _imports(module) for module in _FILES}


def _is_in(module: str, places: list[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def _room(module: str) -> str:
    """The folder a module is in; what stands in a package's root, or the ledger's, is by itself."""
    parts = module.split(".")
    depth = 3 if module.startswith("jetbull.ledger.") else 2
    return module if len(parts) < depth else ".".join(parts[:depth])


@pytest.mark.parametrize("name", ["module", "room"])
def test_there_is_no_circle(name: str) -> None:
    graph: dict[str, set[str]] = {}
    for module, imports in _IMPORTS.items():
        own = module if name == "module" else _room(module)
        others = {other if name == "module" else _room(other) for other in imports}
        graph.setdefault(own, set()).update(others - {own})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


@pytest.mark.parametrize("place", _ALLOWED)
def test_a_package_imports_of_the_others_what_is_below_it(place: str) -> None:
    allowed = [place, *_ALLOWED[place]]
    wrong = [
        f"{module} imports {other}"
        for module, imports in _IMPORTS.items()
        for other in imports & _FILES.keys()
        if _is_in(module, [place]) and not _is_in(other, allowed)
    ]
    assert wrong == []


def test_the_folders_of_the_ledger_stand_as_it_says() -> None:
    assert jetbull.ledger.__doc__ is not None
    _, _, below = jetbull.ledger.__doc__.partition("from the top down")
    floors = [f"jetbull.ledger.{name}" for name in _FLOOR.findall(below)]
    assert len(floors) > 5
    for number, floor in enumerate(floors):
        for module in _FILES:
            if _is_in(module, [floor]):
                above = [other for other in _IMPORTS[module] if _is_in(other, floors[:number])]
                assert above == [], module


def test_each_folder_names_what_lives_there() -> None:
    missing = []
    for module in _FILES:
        folder, _, name = module.rpartition(".")
        if folder and not name.startswith("_"):
            says = ast.get_docstring(ast.parse(_FILES[folder].read_text())) or ""
            if not re.search(rf"\b{name}\b", says):
                missing.append(module)
    assert missing == []


def test_one_folder_imports_the_library_of_nats() -> None:
    users = {_room(module) for module, imports in _IMPORTS.items() if "nats" in imports}
    assert users == {"jetbull.ledger.wire"}


def test_no_import_stands_within_a_function() -> None:
    wrong = [
        f"{module}.{function.name}"
        for module, path in _FILES.items()
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
    ]
    assert wrong == []
