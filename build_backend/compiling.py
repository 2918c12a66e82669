"""What of jetbull is compiled, and where: mypyc makes C of the typed Python that runs for each job.

Without a C compiler, on a Python that cannot load it, or with JETBULL_COMPILE=0, the same modules
run as they are written. docs/decisions/compiled-hot-path.md says why.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

SOURCE = "compat"

#: What stands in them: no class that a module outside derives from; and nothing is awaited in the
#: handler of an exception, or at the end of a `try`. Until that is over, the exception would count
#: as the one that every other task handles, and stand in the tracebacks of theirs. And types that
#: are true, of what comes out of JSON as well: they are checked as it runs.
_IN = {
    "jetbull/commands": "announcing",
    "jetbull/ledger/adding": "insertion",
    "jetbull/ledger/belongings": "blobs",
    "jetbull/ledger/finishing": "finishing",
    "jetbull/ledger/job": "lease ticket",
    "jetbull/ledger/messages": "clock guard names placing record templates tokens",
    "jetbull/ledger/store": "grouping store",
    "jetbull/ledger/streams": "events",
    "jetbull/ledger/taking": "feed hand head returned source taking trips",
    "jetbull/ledger/wire": (
        "answering connection ended many_stored pace parser refusals replies sending stored "
        "subscription wire"
    ),
    "jetbull/workers": "admission outcomes slot_supply slots",
}
MODULES = [f"{folder}/{name}.py" for folder, names in _IN.items() for name in names.split()]

#: mypyc itself, and what the modules have base classes from.
_REQUIREMENTS = ["mypy[mypyc]>=2.4,<2.5", "nats-py>=2.16,<2.17"]
_THROWING = "misc_ops.c"
_FLAGS = (
    "--config-file=",
    "--ignore-missing-imports",
    "--follow-imports=silent",
    "--explicit-package-bases",
)


def is_wanted() -> bool:
    """Whether there is a C compiler that works, and this Python can load what it makes."""
    if os.environ.get("JETBULL_COMPILE") == "0" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return False
    if platform.python_implementation() != "CPython":
        return False
    return _compiles()


def _compiles() -> bool:
    """Tries it: a compiler may be there without Python's headers, or without those of C."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    with TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <Python.h>\n", encoding="ascii")
        options = [f"-I{sysconfig.get_path('include')}", "-c", str(source), "-o", f"{source}.o"]
        try:
            probe = subprocess.run([*compiler, *options], capture_output=True, check=False)  # noqa: S603
        except OSError:
            return False
    return probe.returncode == 0


def is_demanded() -> bool:
    """Whether a build that cannot compile has to fail instead of going on without."""
    return os.environ.get("JETBULL_COMPILE") == "1"


def requirements() -> list[str]:
    """What has to be installed to compile, for pip."""
    return _REQUIREMENTS if is_wanted() or is_demanded() else []


def arguments() -> list[str]:
    """What mypyc is called with, from the top of the source tree."""
    return [*_FLAGS, *(f"{SOURCE}/{name}" for name in MODULES)]


def mend_runtime(folder: str, runtime: str) -> None:
    """Puts what of mypyc's `runtime` has to differ into `folder`, where the C it made is.

    It throws exceptions into what is awaited as three arguments, which Python deprecates since 3.12
    (mypyc's issue 1214): a warning with each, and where warnings are errors, another exception.
    """
    text = Path(runtime, _THROWING).read_text(encoding="utf-8")
    mended = text.replace("(_m, type, value, traceback, NULL)", "(_m, value, NULL)")
    Path(folder, _THROWING).write_text(mended, encoding="utf-8")


__all__ = [
    "MODULES",
    "SOURCE",
    "arguments",
    "is_demanded",
    "is_wanted",
    "mend_runtime",
    "requirements",
]
