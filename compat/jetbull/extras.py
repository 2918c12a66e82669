"""The extras of the distribution, and a sentence for where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jetbull.errors import JetbullError

__all__ = ["ExtraMissing", "imports_of"]

_OWN = ("jetbull", "audibook", "audibook_demo", "bull2jet")


class ExtraMissing(JetbullError, ModuleNotFoundError):
    """A package cannot be imported which an extra of the distribution brings."""

    def __init__(self, error: ModuleNotFoundError, extra: str) -> None:
        super().__init__(
            f"The Python package {error.name} is not installed: "
            f"`pip install 'jetbull[{extra}]'` brings it."
        )
        self.name = error.name


@contextmanager
def imports_of(extra: str) -> Iterator[None]:
    """Around imports that need an extra: ExtraMissing if what they miss is not our own."""
    try:
        yield
    except ExtraMissing:
        raise
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] in _OWN:
            raise
        raise ExtraMissing(error, extra) from error
