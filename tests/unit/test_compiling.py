"""What the modules that a wheel has compiled must keep to (docs/decisions/compiled-hot-path.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import compiling
import pytest
from mypyc.build import include_dir

_SOURCE = Path(__file__).parents[2] / compiling.SOURCE
_WAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _waits_in(nodes: Iterable[ast.AST]) -> Iterator[int]:
    """The lines in which something is awaited, outside of functions that stand there."""
    for node in nodes:
        if isinstance(node, _WAITS):
            yield node.lineno
        if not isinstance(node, _FUNCTIONS):
            yield from _waits_in(ast.iter_child_nodes(node))


def _classes(module: Path) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(_tree(module)) if isinstance(node, ast.ClassDef))


def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", compiling.MODULES)
def test_nothing_is_awaited_while_an_exception_is_handled(module: str) -> None:
    found: list[int] = []
    for node in ast.walk(_tree(_SOURCE / module)):
        if isinstance(node, ast.ExceptHandler):
            found += _waits_in(node.body)
        if isinstance(node, ast.Try):
            found += _waits_in(node.finalbody)
    assert found == []


def test_no_class_of_a_module_that_stays_python_derives_from_a_compiled_one() -> None:
    compiled = {_SOURCE / name for name in compiling.MODULES}
    bases = {node.name for module in compiled for node in _classes(module)}
    found = [
        f"{module.name}: {node.name}"
        for module in set(_SOURCE.rglob("*.py")) - compiled
        for node in _classes(module)
        if any(isinstance(base, ast.Name) and base.id in bases for base in node.bases)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [("JETBULL_COMPILE", "0"), ("CC", "no-such-compiler"), ("CC", "false"), ("CC", "cc -nostdinc")],
)
def test_compiling_is_left_out_where_nobody_wants_it_or_the_compiler_does_not_work(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JETBULL_COMPILE", raising=False)
    monkeypatch.setenv(variable, value)
    assert compiling.requirements() == []


def test_a_build_that_has_to_compile_asks_for_mypyc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETBULL_COMPILE", "1")
    monkeypatch.setenv("CC", "no-such-compiler")
    assert any(requirement.startswith("mypy[mypyc]") for requirement in compiling.requirements())


def test_compiled_coroutines_throw_in_the_way_that_python_does_not_deprecate(
    tmp_path: Path,
) -> None:
    compiling.mend_runtime(str(tmp_path), include_dir())
    (mended,) = tmp_path.iterdir()
    throwing = [line for line in mended.read_text().splitlines() if "ObjArgs(_m" in line]
    assert [line.strip() for line in throwing] == [
        "res = PyObject_CallFunctionObjArgs(_m, value, NULL);"
    ]
