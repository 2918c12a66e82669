"""What a command is."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol, cast

from jetbull.extras import imports_of

__all__ = ["Command", "CommandModule"]


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
        """Import the module; ExtraMissing when an extra is not installed."""
        with imports_of(self.extra) if self.extra else nullcontext():
            return cast(CommandModule, importlib.import_module(self.module))
