"""The script `run` makes an environment that works, however the first use went."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
# A package without dependencies, that pip installs without a package index: its command `jetbull`
# prints the folder its code is in.
_BACKEND = """
import pathlib, zipfile
def build_editable(folder, settings=None, metadata=None):
    name = "jetbull-1-py3-none-any.whl"
    info = "jetbull-1.dist-info/"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        here = ascii(str(pathlib.Path.cwd()))
        wheel.writestr("jetbull.pth", f"import sys; sys.path.append({here})")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: jetbull\\nVersion: 1\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\njetbull = told:tell\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
_PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
_TOLD = "import pathlib\ndef tell(): print(pathlib.Path(__file__).parent)\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return _clone(tmp_path)


@pytest.fixture(scope="module")
def used_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose first use is over."""
    folder = _clone(tmp_path_factory.mktemp("used"))
    _run(folder).communicate()
    return folder


def _clone(parent: Path, name: str = "a clone") -> Path:
    folder = parent / name
    folder.mkdir()
    shutil.copy(_ROOT / "run", folder)
    for name, text in {
        "setup.cfg": "",
        "pyproject.toml": _PROJECT,
        "backend.py": _BACKEND,
        "told.py": _TOLD,
    }.items():
        (folder / name).write_text(text)
    return folder


def _run(folder: Path, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHON": sys.executable, "PIP_NO_INDEX": "1", **variables}
    return subprocess.Popen(
        [folder / "run", "where"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_after_an_interrupted_first_use_two_at_once_make_the_environment_once(clone: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)

    both = [_run(clone) for _ in range(2)]
    told = [one.communicate() for one in both]

    assert [one.returncode for one in both] == [0, 0], told
    assert [out for out, _ in told] == [f"{clone}\n"] * 2
    assert sum("installing" in errors for _, errors in told) == 1


def test_a_copied_folder_runs_its_own_code(used_clone: Path) -> None:
    copied = shutil.copytree(used_clone, used_clone.with_name("copied"), symlinks=True)

    assert _run(copied).communicate()[0] == f"{copied}\n"
    assert _run(used_clone).communicate() == (f"{used_clone}\n", "")


def test_a_folder_whose_name_is_not_ascii_works_in_the_locale_c(tmp_path: Path) -> None:
    folder = _clone(tmp_path, "Jürgens Büro")

    assert _run(folder, LC_ALL="C").communicate()[0] == f"{folder}\n"
    assert _run(folder, LC_ALL="C").communicate() == (f"{folder}\n", "")


def test_a_pip_that_is_set_to_install_for_the_user_installs_into_the_environment(
    clone: Path,
) -> None:
    assert _run(clone, PIP_USER="1").communicate()[0] == f"{clone}\n"


def test_the_folder_above_a_clone_named_like_the_package_does_not_hide_it(used_clone: Path) -> None:
    package = used_clone / "compat" / "jetbull" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.touch()
    (used_clone.parent / "jetbull").mkdir()

    words = [str(used_clone / ".venv/bin/python"), "-c", "import jetbull; print(jetbull.__file__)"]
    told = subprocess.run(words, cwd=used_clone.parent, capture_output=True, text=True, check=True)

    assert told.stdout == f"{package}\n"


def test_packages_that_cannot_be_had_are_told_in_a_sentence(used_clone: Path) -> None:
    (used_clone / "setup.cfg").write_text("# changed since then\n")
    (used_clone / "pyproject.toml").write_text(_PROJECT.replace("[]", '["nowhere"]'))

    process = _run(used_clone)
    _, errors = process.communicate()

    assert process.returncode == 1
    assert errors.endswith("The packages could not be installed: pip says above why.\n")
