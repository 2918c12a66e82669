"""What the distribution holds: every package, its type marker and its data."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SOURCES = {
    "jetbull": "compat",
    "audibook": "jobs",
    "audibook_demo": "jobs",
    "bull2jet": "migration",
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
