"""The table of docs/performance.md: every scenario, every peer, ratios to BullMQ for Python."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from bench.family import PEERS
from bench.scenarios import SCENARIOS, Figure, Size
from jetbull.server.program import find_nats_server

__all__ = ["compare", "machine"]

_BASE = "bullmq-python"


def compare(names: list[str], scenarios: list[str], quick: bool, repeat: int) -> None:
    """Measures and prints; the peers take turns, and the best of `repeat` rounds counts.

    A peer that cannot run here is left out, and a sentence says what it needs.
    """
    for name in names:
        if lacking := PEERS[name].lacks():
            print(f"Without {name}, which needs {lacking}.", file=sys.stderr)
    names = [name for name in names if not PEERS[name].lacks()]
    if not names:
        raise SystemExit("None of these peers can run here.")
    size = Size.of(quick)
    print(machine(), flush=True)
    print(f"\n| | {' | '.join(PEERS[n].title for n in names)} |", flush=True)
    print(f"|---|{'---:|' * len(names)}", flush=True)
    for scenario in scenarios:
        title, measure = SCENARIOS[scenario]
        best: dict[str, Figure] = {}
        for _ in range(repeat):
            for name in names:
                figure = measure(PEERS[name], size)
                low_is_good = title.endswith((" ms", " MB"))
                old = best.get(name)
                if old is None or (figure.value < old.value) == low_is_good:
                    best[name] = figure
        base = best.get(_BASE)
        print(f"| {title} | {' | '.join(_cell(best[n], base) for n in names)} |", flush=True)


def _cell(figure: Figure, base: Figure | None) -> str:
    text = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.2f}"
    if base is not None:
        text += f" ({figure.value / base.value:.2f}x)"
    if figure.client_us is not None and figure.server_us is not None:
        text += f", {figure.client_us:.0f} + {figure.server_us:.0f} us"
    return f"{text}, {figure.more}" if figure.more else text


def machine() -> str:
    """One line on the machine, its load now, and the versions of what is measured."""
    parts = [
        f"{os.cpu_count()} cores",
        f"{platform.system()} {platform.machine()}",
        f"load before {os.getloadavg()[0]:.1f}",
        f"Python {platform.python_version()}",
        *map(_versioned, ("jetbull", "nats-py", "bullmq")),
        subprocess.run(
            [find_nats_server(), "--version"], capture_output=True, text=True, check=False
        ).stdout.strip(),
    ]
    return ", ".join(part for part in parts if part)


def _versioned(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""
