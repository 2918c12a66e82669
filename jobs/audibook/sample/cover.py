"""The cover of the sample book, drawn by arithmetic: a lighthouse at night."""

from __future__ import annotations

import math
import struct
import zlib

__all__ = ["cover_png"]

_WIDTH, _HEIGHT = 600, 800
_HORIZON = 620
_LAMP_X, _LAMP_Y = 210, 230
_MOON_X, _MOON_Y, _MOON_RADIUS = 470, 130, 46
_Colour = tuple[int, int, int]


def cover_png() -> bytes:
    """A PNG picture of 600 x 800 pixels; always the same bytes."""
    rows = bytearray()
    for y in range(_HEIGHT):
        rows.append(0)  # each row of a PNG names its filter; this one is none
        for x in range(_WIDTH):
            rows += bytes(_colour(x, y))
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(bytes(rows), 9)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _colour(x: int, y: int) -> _Colour:
    """The colour of one pixel, nearest thing first."""
    tower = _tower(x, y)
    if tower is not None:
        return tower
    if y > _HORIZON + 40 - 60 * math.exp(-(((x - _LAMP_X) / 150) ** 2)):
        return (22, 26, 34)  # the rock
    if y > _HORIZON:
        wave = math.sin((x + 3 * y) / 23) + math.sin((x - 2 * y) / 41)
        return _mixed((18, 42, 74), (40, 84, 120), (wave + 2) / 4)
    if math.hypot(x - _MOON_X, y - _MOON_Y) < _MOON_RADIUS:
        return (244, 236, 208)
    sky = _mixed((12, 18, 48), (86, 92, 140), y / _HORIZON)
    return _mixed(sky, (255, 240, 170), _beam(x, y))


def _tower(x: int, y: int) -> _Colour | None:
    half = 26 + (y - _LAMP_Y) * 0.07
    if _LAMP_Y + 26 <= y <= _HORIZON and abs(x - _LAMP_X) < half:
        return (178, 44, 44) if (y - _LAMP_Y) // 62 % 2 else (236, 232, 224)
    if _LAMP_Y - 24 <= y < _LAMP_Y + 26 and abs(x - _LAMP_X) < 22:
        return (255, 246, 196)
    if _LAMP_Y - 56 <= y < _LAMP_Y - 24 and abs(x - _LAMP_X) < (y - _LAMP_Y + 60) * 0.8:
        return (60, 20, 24)
    return None


def _beam(x: int, y: int) -> float:
    """How bright the lamp's two beams are here, 0 to 1."""
    away = abs(x - _LAMP_X)
    if away == 0:
        return 0.0
    spread = abs((y - _LAMP_Y) / away + (0.12 if x > _LAMP_X else -0.12))
    return max(0.0, 0.75 - spread * 7) * math.exp(-away / 420)


def _mixed(one: _Colour, other: _Colour, share: float) -> _Colour:
    share = min(1.0, max(0.0, share))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
