"""`import bullmq` gives jetbull: the same classes under the old names.

`install_as_bullmq()` puts a finder before all others that answers for `bullmq` and its submodules
with jetbull's own modules, so `bullmq.Queue is jetbull.Queue`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from jetbull.errors import JetbullError

_OLD, _NEW = "bullmq", "jetbull"
_SAME = (
    "abort_controller",
    "backend",
    "backoffs",
    "custom_errors",
    "custom_errors.delayed_error",
    "custom_errors.unrecoverable_error",
    "custom_errors.waiting_children_error",
    "error_code",
    "event_emitter",
    "flow_producer",
    "job",
    "job_scheduler",
    "lock_manager",
    "queue",
    "queue_events",
    "queue_events_producer",
    "queue_keys",
    "timer",
    "types",
    "types.job_options",
    "types.queue_options",
    "types.worker_options",
    "utils",
    "worker",
)
_TYPES = (
    "backoff_options",
    "connection_options",
    "deduplication_options",
    "keep_jobs",
    "promote_jobs_options",
    "queue_events_options",
    "repeat_options",
    "retry_job_options",  # so it was called in version 1
    "retry_jobs_options",
)
# Submodule of bullmq -> module of jetbull; types that have their own file there share one here.
_SUBMODULES = {name: name for name in _SAME} | {f"types.{name}": "types" for name in _TYPES}
_SUBMODULES["backends"] = "backend"
_SUBMODULES |= dict.fromkeys(
    ("backends.redis_backend", "redis_connection", "scripts"), "redis_names"
)
_PACKAGES = frozenset({"backends", "custom_errors", "types"})
# BullMQ's modules import from these, and so may callers from them: `bullmq.worker` has errors, …
_SHARED = (
    "backoffs",
    "custom_errors",
    "error_code",
    "job",
    "queue_keys",
    "timer",
    "types",
    "utils",
)


class _Alias(Loader):
    def __init__(self, target: str) -> None:
        self._target = target
        self._own: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._target)
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module is loaded already; only its own identity is put back."""
        module.__spec__ = self._own


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == _OLD:
            return ModuleSpec(name, _Alias(_NEW), is_package=True)
        if not name.startswith(_OLD + "."):
            return None
        rest = name[len(_OLD) + 1 :]
        if rest in _SUBMODULES:
            alias = _Alias(f"{_NEW}.{_SUBMODULES[rest]}")
            return ModuleSpec(name, alias, is_package=rest in _PACKAGES)
        raise ModuleNotFoundError(
            f"{name} has no counterpart in jetbull; see docs/differences.md.",
            name=name,
        )


_finder = _Finder()


def install_as_bullmq() -> None:
    """Makes `import bullmq` give jetbull. Call it before the first import of bullmq.

    JetbullError if the real bullmq has been imported already. May be called again.
    """
    loaded = sys.modules.get(_OLD)
    if loaded is not None and loaded is not sys.modules.get(_NEW):
        raise JetbullError(
            "bullmq is imported already: call jetbull.install_as_bullmq() before the first "
            "`import bullmq`."
        )
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    sys.modules[_OLD] = sys.modules[_NEW]
    for old, new in sorted(_SUBMODULES.items()):
        module = sys.modules[f"{_OLD}.{old}"] = importlib.import_module(f"{_NEW}.{new}")
        if old != new:
            folder, _, name = f"{_OLD}.{old}".rpartition(".")
            setattr(sys.modules[folder], name, module)
        if old in _PACKAGES and not hasattr(module, "__path__"):
            module.__path__ = []  # the finder is asked for what lies below only then
    _share()


def _share() -> None:
    shared = [importlib.import_module(f"{_NEW}.{name}") for name in _SHARED]
    names = {name: getattr(module, name) for module in shared for name in module.__all__}
    for old in _SAME:
        module = sys.modules[f"{_OLD}.{old}"]
        for name in names.keys() - vars(module).keys():
            setattr(module, name, names[name])


__all__ = ["install_as_bullmq"]
