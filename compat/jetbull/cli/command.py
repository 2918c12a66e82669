"""What a command is."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import Protocol, cast

from jetbull.errors import ConfigurationError

__all__ = ["Command", "CommandModule", "is_of_others", "not_installed"]


class CommandModule(Protocol):
    """The module of a command."""

    def configure(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""

    def run(self, args: Namespace) -> int:
        """Do it; gives the exit code. A JetbullError becomes one line on standard error."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command's one-line summary and the name of its module, imported only when it is used.

    `extra` is the extra of the distribution the module's imports need.
    """

    summary: str
    module: str
    extra: str | None = None

    def load(self) -> CommandModule:
        """Import the module; ConfigurationError when an extra is not installed."""
        try:
            return cast(CommandModule, importlib.import_module(self.module))
        except ModuleNotFoundError as error:
            if self.extra is None or not is_of_others(error):
                raise
            raise not_installed(error, self.extra) from error


def is_of_others(error: ModuleNotFoundError, *own: str) -> bool:
    """Whether what is missing is neither of jetbull's nor `own`."""
    return (error.name or "").split(".")[0] not in ("jetbull", "", *own)


def not_installed(error: ModuleNotFoundError, extra: str) -> ConfigurationError:
    """How to get what is missing: by an extra of the distribution."""
    return ConfigurationError(
        f"The Python package {error.name} is not installed: "
        f"`pip install 'jetbull[{extra}]'` brings it."
    )
