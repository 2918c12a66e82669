"""Names as tokens of subjects, and back.

Queue names, job ids, scheduler and deduplication ids may hold any character. A token keeps
`A-Z a-z 0-9 _ -` and writes every other byte of the UTF-8 form as `=XX`, so two names never share
a token, no name can act as a wildcard, and `unescape` gives the name back. The empty name is `=`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from jetbull.checks import label
from jetbull.errors import ConfigurationError

_SAFE = re.compile(r"[A-Za-z0-9_-]+\Z")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_ESCAPED = re.compile(r"=([0-9A-F]{2})")
_MAX_TOKEN = 1000


def escape(name: str) -> str:
    """One subject token that stands for `name` and for no other name."""
    # Most are the numbers of jobs, each of which is asked for a few times only.
    try:
        return name if name.isdecimal() and name.isascii() and len(name) < 20 else _escape(name)
    except AttributeError:  # what is given may be a number
        return escape(label("A name or id", name))


@lru_cache(maxsize=8192)
def _escape(name: str) -> str:
    if _SAFE.match(name):
        token = name
    elif not name:
        return "="
    else:
        octets = name.encode("utf-8", "surrogatepass").decode("latin-1")
        token = _UNSAFE.sub(lambda m: f"={ord(m[0]):02X}", octets)
    if len(token) > _MAX_TOKEN:
        raise ConfigurationError(
            f"The name {name[:40]!r}… is too long ({len(token)} bytes as a subject): "
            f"use at most {_MAX_TOKEN}."
        )
    return token


def unescape(token: str) -> str:
    """The name a token stands for."""
    return _unescape(token) if "=" in token else token


@lru_cache(maxsize=8192)
def _unescape(token: str) -> str:
    if token == "=":  # noqa: S105 - a name, no secret
        return ""
    raw = _ESCAPED.sub(lambda m: chr(int(m.group(1), 16)), token).encode("latin-1")
    return raw.decode("utf-8", "surrogatepass")


def shortened(token: str, most: int) -> str:
    """The token, or its beginning and a digest of all of it."""
    return token if len(token) <= most else f"{token[: most - 20]}-{_digest(token)}"


def _digest(text: str) -> str:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


__all__ = ["escape", "shortened", "unescape"]
