"""setuptools' build backend, which asks for mypyc too where a wheel's hot path can be compiled."""

from __future__ import annotations

import compiling
from setuptools import build_meta as _setuptools
from setuptools.build_meta import *  # noqa: F403 (all other hooks of PEP 517 and 660)


def get_requires_for_build_wheel(
    config_settings: dict[str, str | list[str] | None] | None = None,
) -> list[str]:
    """What has to be installed before a wheel is built (PEP 517)."""
    needed: list[str] = _setuptools.get_requires_for_build_wheel(config_settings)
    return [*needed, *compiling.requirements()]
