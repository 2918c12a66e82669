"""What callers pass as `connection`, and the server it means.

A NATS URL, a list of URLs or a dict with `servers` says where to go; user and password, or a token,
may stand in the URL (percent-encoded where they hold `@`, `:` or `/`). What is not given comes from
the variables the `nats` program knows: NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_CREDS, NATS_NKEY,
NATS_CA, NATS_CERT, NATS_KEY.

A dict of nothing but NATS options, such as `user_credentials`, belongs to the configured server.
What old callers pass for Redis (a URL, a dict with host and port, a client) means 'the configured
server': `NATS_URL`, else nats://localhost:4222, with one warning per process. The `client` of a
queue means the queue's server.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

from jetbull.environment import variable
from jetbull.errors import ConfigurationError
from jetbull.ledger.credentials import FILES
from jetbull.ledger.hub import Target
from jetbull.types.queue_options import ConnectionOptions
from jetbull.warn import warn_caller

_DEFAULT_URL = "nats://localhost:4222"
_SCHEMES = ("nats://", "tls://", "ws://", "wss://")
_OPTIONS = frozenset(ConnectionOptions.__annotations__) - {"servers", "url", "replicas"}
_LOGINS = ("user", "token", "user_credentials", "nkeys_seed", "nkeys_seed_str")
_NOT_OF_REDIS = _OPTIONS - {"name", "password", "tls"} | {"replicas"}
_TEXTS = ("name", "inbox_prefix", "tls_hostname")
_SUBJECT = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")
_MOST_REPLICAS = 5  # of a stream
_warned = False

log = logging.getLogger("jetbull.connection")


def configured_url() -> str:
    """`NATS_URL`, or the local default."""
    return variable("NATS_URL") or _DEFAULT_URL


def target_of(connection: Any) -> Target:
    """The server a `connection` option means.

    ConfigurationError names what cannot be understood.
    """
    shared = getattr(connection, "target", None)
    if isinstance(shared, Target):
        return shared
    servers, options, replicas = _given(connection)
    if _is_redis(servers):
        servers, options = _split(_instead_of_redis()), {}
    _check_addresses(servers)
    servers, options = _with_login(servers, options)
    _check_places(servers)
    options = _with_files(options)
    return Target(tuple(servers), _replicas(replicas), tuple(sorted(options.items())))


def _given(connection: Any) -> tuple[list[str], dict[str, Any], Any]:
    """Servers, options and replicas as they were given; what was not comes from the environment."""
    replicas = variable("JETBULL_REPLICAS") or 1
    if connection is None or connection == {} or connection == "":
        return _split(configured_url()), {}, replicas
    if isinstance(connection, str):
        return _split(connection), {}, replicas
    if isinstance(connection, list | tuple):
        return [str(server) for server in connection], {}, replicas
    if isinstance(connection, dict) and ("servers" in connection or "url" in connection):
        return _given_by_name(dict(connection), replicas)
    if isinstance(connection, dict) and _is_for_nats(connection):
        return _given_by_name({"servers": configured_url(), **connection}, replicas)
    if isinstance(connection, dict):
        _check_for_redis(connection)
    return _split(_instead_of_redis()), {}, replicas


def _is_for_nats(options: dict[str, Any]) -> bool:
    """Whether all of them are known, and Redis could not mean them."""
    names = set(options)
    return names <= _OPTIONS | _NOT_OF_REDIS and bool(names & _NOT_OF_REDIS)


def _check_for_redis(options: dict[str, Any]) -> None:
    """ConfigurationError for an address of NATS under a name that means Redis, or nothing."""
    for name, value in options.items():
        if isinstance(value, str) and value.startswith(_SCHEMES):
            raise ConfigurationError(
                f"connection.{name} holds a NATS address, which belongs under the name servers."
            )


def _given_by_name(given: dict[str, Any], replicas: Any) -> tuple[list[str], dict[str, Any], Any]:
    """As `_given`, for a dictionary that names its servers."""
    where = given.pop("servers", None) or given.pop("url", None) or ()
    if not isinstance(where, Iterable):
        raise ConfigurationError(f"connection.servers is a URL or a list of them, not {where!r}.")
    replicas = given.pop("replicas", replicas)
    servers = _split(where) if isinstance(where, str) else [str(server) for server in where]
    if _is_redis(servers):
        return servers, {}, replicas
    unknown = sorted(set(given) - _OPTIONS)
    if unknown:
        raise ConfigurationError(
            f"connection.{unknown[0]} is not a NATS option; known are "
            f"{', '.join(sorted(_OPTIONS))}, servers and replicas."
        )
    return servers, _checked(given), replicas


def _check_addresses(servers: list[str]) -> None:
    if not servers:
        raise ConfigurationError(
            f"connection names no server: give a URL such as {_DEFAULT_URL}, or leave it out."
        )
    for server in servers:
        if "://" in server and not server.startswith(_SCHEMES):
            raise ConfigurationError(
                f"connection {server.split('://')[0]}://… is no NATS address: "
                "use nats://host:4222 (or tls://, ws://, wss://)."
            )


def _check_places(servers: list[str]) -> None:
    """ConfigurationError for what can never be connected to, and would be tried for ever."""
    over_web = [server.startswith(("ws://", "wss://")) for server in servers]
    for server in servers:
        if not _is_place(server):
            raise ConfigurationError(
                f"connection {server!r} names no host and port: write it as {_DEFAULT_URL}."
            )
    if any(over_web) and not all(over_web):
        raise ConfigurationError(
            f"connection {', '.join(servers)} mixes ws:// with nats://: take one of them."
        )
    if any(over_web) and find_spec("aiohttp") is None:
        raise ConfigurationError(
            f"connection {servers[0]} needs the Python package aiohttp: `pip install aiohttp`."
        )


def _is_place(server: str) -> bool:
    """Whether this has a host, and a port that can be one or none."""
    has_scheme = "://" in server
    if not has_scheme and ("/" in server or server.isdigit()):
        return False
    try:
        parts = urlsplit(server if has_scheme else f"nats://{server}")
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _with_files(options: dict[str, Any]) -> dict[str, Any]:
    """The options, completed with the files that the environment names.

    A login among the options keeps out a login by a file.
    """
    has_login = any(name in options for name in _LOGINS)
    files = {
        option: path
        for option, name in FILES.items()
        if (path := variable(name)) and not (has_login and option in _LOGINS)
    }
    return {**files, **options}


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """The options that are given. ConfigurationError for what a server would hang up on."""
    options = {option: value for option, value in given.items() if value is not None}
    if isinstance(options.get("inbox_prefix"), bytes):
        options["inbox_prefix"] = options["inbox_prefix"].decode()
    for option in _TEXTS:
        value = options.get(option, "")
        if not isinstance(value, str):
            raise ConfigurationError(f"connection.{option} is a text, not {value!r}.")
    prefix = options.get("inbox_prefix", "_INBOX")
    if not _SUBJECT.fullmatch(prefix):
        raise ConfigurationError(
            f"connection.inbox_prefix is {prefix!r}: it must be a subject such as _INBOX_emails, "
            "without spaces, * and >."
        )
    patience = options.get("connect_timeout", 1)
    if not isinstance(patience, int | float) or not 0 < patience < float("inf"):
        raise ConfigurationError(
            f"connection.connect_timeout is a number of seconds above 0, not {patience!r}."
        )
    return options


def _replicas(given: Any) -> int:
    try:
        number = int(given)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if not 1 <= number <= _MOST_REPLICAS:
        raise ConfigurationError(
            f"connection.replicas (JETBULL_REPLICAS) is {given!r}: it must be a whole number from "
            f"1 to {_MOST_REPLICAS}."
        )
    return number


def _split(urls: str) -> list[str]:
    return [url.strip() for url in urls.split(",") if url.strip()]


def _with_login(servers: list[str], options: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The servers without the login before their `@`, and the options with it.

    A login among the options comes first, then that of the URLs, then that of the environment.
    """
    plain: list[str] = []
    login = ""
    for server in servers:
        scheme, mark, rest = server.rpartition("://")
        before, _, host = rest.rpartition("@")
        login = login or before
        plain.append(f"{scheme}{mark}{host}")
    if any(name in options for name in _LOGINS):
        return plain, options
    if login:
        user, colon, password = login.partition(":")
        if colon:
            return plain, {**options, "user": unquote(user), "password": unquote(password)}
        return plain, {**options, "token": unquote(user)}
    if user := variable("NATS_USER"):
        return plain, {**options, "user": user, "password": variable("NATS_PASSWORD")}
    if token := variable("NATS_TOKEN"):
        return plain, {**options, "token": token}
    return plain, options


def _is_redis(servers: list[str]) -> bool:
    """Whether the first of them is a Redis address, as callers of BullMQ pass it."""
    return bool(servers) and servers[0].startswith(
        ("redis://", "rediss://", "unix://", "valkey://", "valkeys://")
    )


def _instead_of_redis() -> str:
    global _warned
    url = configured_url()
    if not _warned:
        _warned = True
        _tell(
            "jetbull keeps jobs in NATS: the Redis connection options are ignored and the server "
            "of NATS_URL (default nats://localhost:4222) is used."
        )
    return url


def _tell(text: str) -> None:
    """Warns; where warnings are errors, the log has it: the program that is told has no fault."""
    try:
        warn_caller(text, UserWarning)
    except UserWarning:
        log.warning(text)


__all__ = ["configured_url", "target_of"]
