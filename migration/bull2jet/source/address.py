"""Addresses of Redis: what is accepted, and how they are shown without their secrets.

redis://[user:password@]host:port/db      plain
rediss://…                                TLS
redis+sentinel://host:port,host:port/name/db?sentinel_password=…
redis+cluster://…, rediss+cluster://…     (a cluster is also recognised by asking it)
unix://path?db=0
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from bull2jet.errors import AddressError

_SCHEMES = (
    "redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster",
    "rediss+cluster",
)  # fmt: skip
#: what a program's address tells its own client, ours or Node's; none of it says where Redis is
_OF_A_CLIENT = frozenset(
    {
        "allowUsernameInURI", "commandTimeout", "connectTimeout", "decode_responses", "encoding",
        "enableReadyCheck", "encoding_errors", "family", "keepAlive", "lazyConnect",
        "maxRetriesPerRequest", "max_connections", "noDelay", "protocol", "retry_on_error",
        "retry_on_timeout",
    }
)  # fmt: skip
_SECRET_QUERY = frozenset({"password", "username", "ssl_password", "sentinel_password"})


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed Redis address. `repr` and `str` never show a password."""

    url: str
    scheme: str
    cluster: bool
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    #: options of the connections to Sentinels and primary, as in a plain address
    query: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = None

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme.startswith("rediss")

    def __str__(self) -> str:
        return redacted(self.url)

    def __repr__(self) -> str:
        return f"Address({redacted(self.url)!r})"


def parse(url: str) -> Address:
    """The address in `url`; `AddressError` with one sentence when it cannot be one."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme
        if scheme not in _SCHEMES:
            raise AddressError(
                f"The Redis address {redacted(url)!r} must begin with one of "
                f"{', '.join(f'{name}://' for name in _SCHEMES)}."
            )
        if scheme.endswith("+sentinel"):
            return _sentinel(url, scheme)
        if scheme != "unix" and not parts.hostname:
            raise AddressError(f"The Redis address {redacted(url)!r} names no host{_hint(url)}.")
        _ = parts.port  # raises ValueError when it is no number
        database = parts.path.strip("/")
        if scheme != "unix" and database and not database.isdecimal():  # taken for 0 otherwise
            raise AddressError(
                f"The Redis address {redacted(url)!r} must end with the number of a database, such "
                f"as /0{_hint(url)}."
            )
    except ValueError as error:
        what = f"The Redis address {redacted(url)!r} cannot be read{_hint(url)}."
        raise AddressError(what) from error
    query = _without_manners(parts.query)
    plain = urlunsplit(parts._replace(scheme=scheme.removesuffix("+cluster"), query=query))
    return Address(plain, scheme.removesuffix("+cluster"), scheme.endswith("+cluster"))


def _without_manners(query: str) -> str:
    """The query without what would change how answers look, or send a command a second time."""
    pairs = query.split("&")
    return "&".join(pair for pair in pairs if pair.partition("=")[0] not in _OF_A_CLIENT)


def _hint(url: str) -> str:
    return "; in a password write / as %2F, ? as %3F, # as %23, @ as %40" if "@" in url else ""


def _sentinel(url: str, scheme: str) -> Address:
    rest, _, query = url.split("://", 1)[1].partition("?")
    place, _, path = rest.partition("/")
    login, _, hosts = place.rpartition("@")
    user, _, password = login.partition(":")
    service, _, db = path.partition("/")
    if not service or not hosts:
        raise AddressError(
            f"The Redis address {redacted(url)!r} must read "
            "redis+sentinel://host:port[,host:port…]/master-name[/db]."
        )
    sentinels = []
    for part in hosts.split(","):
        host, _, port = part.rpartition(":")
        sentinels.append((host, int(port)) if host else (port, 26379))
    return Address(
        url,
        scheme.removesuffix("+sentinel"),
        cluster=False,
        sentinels=tuple(sentinels),
        service=unquote(service),
        query=_without_manners(query),
        db=int(db or 0),
        username=unquote(user) or None,
        password=unquote(password) or None,
    )


def redacted(url: str) -> str:
    """The address with every secret replaced by `***`; works on addresses that make no sense."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "***" if "@" in url else url
    # The login is cut off first: an unescaped `?` or `/` in a password must not save it.
    login, at, place = rest.rpartition("@")
    place, _, query = place.partition("?")
    if at:
        user = login.partition(":")[0]
        login = f"{user}:***" if ":" in login else "***"
    if query:
        pairs = parse_qsl(query, keep_blank_values=True)
        safe = [(key, "***" if key in _SECRET_QUERY else value) for key, value in pairs]
        query = "?" + urlencode(safe, quote_via=quote, safe="*/")
    return f"{scheme}://{login}{at}{place}{query}"


__all__ = ["Address", "parse", "redacted"]
