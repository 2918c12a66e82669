"""Which commands there are."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from jetbull.errors import ConfigurationError

from .command import Command

__all__ = ["commands"]

_GROUP = "jetbull.commands"
"""Entry point group by which other packages add commands; each loads to a `Command`."""

_BUILT_IN: Mapping[str, Command] = {
    "server": Command("run the embedded NATS server", "jetbull.cli.server"),
    "worker": Command("process the jobs of a queue", "jetbull.cli.worker"),
    "api": Command("serve the HTTP interface", "jetbull.cli.api", extra="api"),
    "exec": Command("run a program that imports bullmq on jetbull", "jetbull.cli.execute"),
    "doctor": Command("check server, queue and machine", "jetbull.cli.doctor"),
    "permissions": Command("print NATS permissions of a role", "jetbull.cli.permissions"),
}


def commands() -> dict[str, Command]:
    """All commands by name; ConfigurationError for an entry point that is no command."""
    found = dict(_BUILT_IN)
    for point in sorted(entry_points(group=_GROUP), key=lambda p: p.name):
        command = point.load()
        if not isinstance(command, Command):
            raise ConfigurationError(
                f"The entry point {point.name} = {point.value} of {_GROUP} is no Command."
            )
        found.setdefault(point.name, command)
    return found
