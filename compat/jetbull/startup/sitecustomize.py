"""Runs when a Python starts under `jetbull exec`: `import bullmq` will give jetbull.

Nothing is imported before somebody asks for bullmq, so other Pythons of the same command start as
fast as ever. A `sitecustomize` of the environment is run too, as it would have been without this.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType


class _BullmqAsked(MetaPathFinder):
    """Installs jetbull under the name bullmq on the first import of it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "bullmq" and not name.startswith("bullmq."):
            return None
        sys.meta_path.remove(self)
        # Only those who ask for bullmq pay for the import.
        import_module("jetbull.install").install_as_bullmq()
        # A module that came to be while its finder was asked would be loaded a second time.
        sys.modules.pop(name, None)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return spec
        return None


def _run_the_other_sitecustomize() -> None:
    here = Path(__file__).resolve().parent
    others = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


sys.meta_path.insert(0, _BullmqAsked())
_run_the_other_sitecustomize()
