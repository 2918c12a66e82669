"""What setup.cfg cannot say: a wheel's hot path is compiled, where that can be done.

It is all or nothing, and nothing is no failure: the modules run as Python then.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).parent / "build_backend"))

import compiling


class _Compile(build_ext):  # type: ignore[misc] # setuptools has no types
    """As setuptools', but a compiler that fails does not keep anybody from the package."""

    def run(self) -> None:
        """Compiles all extensions, or leaves none."""
        try:
            super().run()
        except Exception as error:
            _without(error)
            for output in self.get_outputs():
                Path(output).unlink(missing_ok=True)
            self.extensions.clear()


def _extensions(folder: str) -> list[Extension]:
    """What there is to compile, its C in `folder`."""
    if not (compiling.is_wanted() or compiling.is_demanded()):
        return []
    os.environ["MYPYPATH"] = compiling.SOURCE
    try:
        from mypyc.build import include_dir, mypycify

        extensions: list[Extension] = mypycify(
            [f"--cache-dir={folder}/mypy", *compiling.arguments()],
            opt_level="1",
            debug_level="0",
            group_name="jetbull",
            target_dir=folder,
        )
        compiling.mend_runtime(folder, include_dir())
        for extension in extensions:
            extension.include_dirs.insert(0, folder)  # is found before mypyc's own
    except (Exception, SystemExit) as error:
        _without(error)
        return []
    return extensions


def _without(error: BaseException) -> None:
    if compiling.is_demanded():
        raise error
    print(f"jetbull is installed without its compiled modules: {error!r}", file=sys.stderr)


_is_wheel = "bdist_wheel" in sys.argv  # what is installed to be edited stays Python

# In a folder of its own: in `build` would stand what older versions were built to, and that goes
# into the wheel. So the source may be read-only, too, and several builds may run at once.
with TemporaryDirectory(prefix="jetbull-build-") as _folder:
    setup(
        ext_modules=_extensions(_folder) if _is_wheel else [],
        cmdclass={"build_ext": _Compile},
        options={"build": {"build_base": _folder}, "egg_info": {"egg_base": _folder}}
        if _is_wheel or "egg_info" in sys.argv
        else {},
    )
