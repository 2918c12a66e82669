"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def size(count: int) -> str:
    """Bytes with a unit: `1.4 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{count} B"


def counted(number: int, thing: str) -> str:
    """A number with its noun: `1 job`, `2,000 jobs`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def moment(ms: int | None) -> str:
    """Epoch ms as UTC to the second, `-` for None."""
    if ms is None:
        return "-"
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"


def lasting(seconds: float) -> str:
    """A duration: `0.4 s`, `2 min 5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def shown(text: str) -> str:
    """Text from Redis made safe for a terminal: control characters and lone surrogates escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


__all__ = ["counted", "lasting", "moment", "shown", "size"]
