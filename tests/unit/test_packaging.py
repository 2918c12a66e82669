"""What the distribution holds: every package, its type marker and its data."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest

_ROOT = Path(__file__).parents[2]
_SOURCES = {
    "jetbull": "compat",
    "jetbull_entry": "compat",
    "audibook": "jobs",
    "audibook_demo": "jobs",
    "bull2jet": "migration",
}
_PAGES = [*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md"), *_ROOT.glob("examples/**/*.[mp]*")]
_EXTRAS = re.compile(r"(?:jetbull|\.)\[([a-z,]+)\]")


_NEEDED = {
    "anyio": (4, 7),  # wait_readable
    "croniter": (2, 0, 6),  # second_at_beginning
    "lxml": (6, 0, 2),  # ErrorTypes.ERR_RESOURCE_LIMIT
    "pydantic-settings": (2, 7),  # NoDecode
    "redis[hiredis]": (5, 0, 1),  # aclose
}


def _words(section: str, option: str) -> list[str]:
    config = ConfigParser()
    config.read(_ROOT / "setup.cfg")
    return config[section][option].split()


def test_every_package_in_the_source_is_in_the_distribution() -> None:
    found = {
        ".".join(marker.parent.relative_to(_ROOT / source).parts)
        for package, source in _SOURCES.items()
        for marker in (_ROOT / source / package).rglob("__init__.py")
    }
    listed = _words("options", "packages")
    assert set(listed) == found
    assert len(listed) == len(found)


@pytest.mark.parametrize("package", _SOURCES)
def test_each_import_package_is_typed_and_says_so(package: str) -> None:
    assert (_ROOT / _SOURCES[package] / package / "py.typed").is_file()
    assert "py.typed" in _words("options.package_data", package)


def test_the_data_files_that_are_listed_exist() -> None:
    for pattern in _words("options.package_data", "audibook"):
        assert list((_ROOT / "jobs" / "audibook").glob(pattern)), pattern


def test_what_the_pages_tell_to_install_has_these_extras_and_every_pip_understands_it() -> None:
    config = ConfigParser()
    config.read(_ROOT / "setup.cfg")
    told = [line for page in _PAGES for line in page.read_text().splitlines() if "pip inst" in line]
    named = {extra for line in told for some in _EXTRAS.findall(line) for extra in some.split(",")}
    assert "server" in named
    assert named <= set(config["options.extras_require"])
    # pip before 24.1, which comes with Python 3.11 and 3.12, refuses a git URL without a host.
    assert [line for line in told if "git+file:" in line] == []


@pytest.mark.parametrize("package", _NEEDED)
def test_no_version_of_a_library_is_taken_that_lacks_what_is_called(package: str) -> None:
    config = ConfigParser()
    config.read(_ROOT / "setup.cfg")
    wanted = "\n".join(
        [config["options"]["install_requires"], *config["options.extras_require"].values()]
    )
    found = re.search(rf"^{re.escape(package)} >=([0-9.]+)", wanted, re.M)
    assert found is not None
    assert tuple(map(int, found[1].split("."))) >= _NEEDED[package]


def test_a_wheel_holds_nothing_of_an_older_build_and_its_making_leaves_nothing(
    tmp_path: Path,
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(_ROOT / name, source)
    for name in ("build_backend", *set(_SOURCES.values())):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(_ROOT / name, source / name, ignore=ignored)
    older = source / "build" / "lib" / "jetbull"
    older.mkdir(parents=True)
    (older / "left_behind.py").touch()
    before = set(source.rglob("*"))
    subprocess.run(
        [sys.executable, "-c", f"import jetbull_build; jetbull_build.build_wheel({str(out)!r})"],
        cwd=source,
        env={
            **os.environ,
            "PYTHONPATH": "build_backend",
            "PYTHONDONTWRITEBYTECODE": "1",
            "JETBULL_COMPILE": "0",
        },
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = out.glob("*.whl")
    assert "jetbull/left_behind.py" not in ZipFile(wheel).namelist()
    assert set(source.rglob("*")) == before


def test_what_the_dockerfile_copies_is_in_the_context_and_all_that_a_build_reads_is_copied() -> (
    None
):
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", (_ROOT / "Dockerfile").read_text(), re.M)
    copied = {name for names in sources for name in names.split()}
    ignoring = (_ROOT / ".dockerignore").read_text().splitlines()
    assert ignoring[0] == "*"
    assert copied == {line[1:] for line in ignoring if line.startswith("!")}
    assert copied >= {
        "setup.py",
        "setup.cfg",
        "pyproject.toml",
        "build_backend",
        *_SOURCES.values(),
    }
    assert [name for name in copied if not (_ROOT / name).exists()] == []


def test_no_two_services_are_built_under_one_name() -> None:
    # Docker builds them at once, and on a machine without the image all but one fail.
    text = (_ROOT / "docker-compose.yml").read_text()
    services = re.split(r"^(?=\S|  [a-z0-9]+:$)", text, flags=re.M)
    built = [service for service in services if re.search(r"^ +build:", service, re.M)]
    assert built != []
    assert [service for service in built if re.search(r"^ +image:", service, re.M)] == []
