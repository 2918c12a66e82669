"""A list of clients as Redis' CLIENT LIST tells it, and those of one queue in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def of_queue(
    clients: bytes | str | Iterable[Mapping[str, Any]], client_name: str, queue: str
) -> list[dict[str, Any]]:
    """The clients called `<client_name>` or `<client_name>:w:…`, with that name as `rawname`.

    Takes the text of Redis, one client a line, and the dictionaries of a client that has read it.
    """
    if isinstance(clients, bytes):
        clients = clients.decode()
    if isinstance(clients, str):
        clients = [_fields(line) for line in clients.splitlines()]
    found = []
    for client in clients:
        raw = client.get("name")
        name = raw.decode() if isinstance(raw, bytes) else raw or ""
        if name == client_name or name.startswith(f"{client_name}:w:"):
            found.append({**client, "rawname": name, "name": queue})
    return found


def _fields(line: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in line.split(" "))
    return {key: value for key, equals, value in pairs if equals}


__all__ = ["of_queue"]
