"""`python -m bench`: see the package's words."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterable

import bench
from bench import calls, depth, ledger, scale, soak
from bench.family import PEERS
from bench.scenarios import SCENARIOS
from bench.table import compare

_TABLE = [
    "bullmq-python",
    "bullmq-node",
    "nats-py",
    "jetbull",
    "jetbull-uvloop",
    "jetbull-plain",
]
_DURABLE = ["jetbull", "jetbull-always", "jetbull-r3", "jetbull-r3-always"]
_DURABLE_SCENARIOS = ["process100", "process1", "one", "bulk"]


def _names_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Reads a comma-separated choice; argparse's error names what is not known."""

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"no {name!r}; there are {', '.join(known)}")
        return chosen

    return names


def main() -> None:
    """Runs one benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        nargs="?",
        default="table",
        choices=["table", "calls", "ledger", "depth", "scale", "durability", "soak"],
    )
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--peers", type=_names_of(PEERS), default=_TABLE, help=", ".join(PEERS))
    parser.add_argument(
        "--scenarios",
        type=_names_of(SCENARIOS),
        default=list(SCENARIOS),
        help=", ".join(SCENARIOS),
    )
    parser.add_argument("--repeat", type=int, default=1, help="rounds; the best one counts")
    parser.add_argument("--jobs", type=int, help="depth: jobs in each state (a million)")
    parser.add_argument("--waiting", type=int, help="depth: jobs in `waiting` (as --jobs)")
    parser.add_argument("--minutes", type=float, help="soak: how long (30)")
    args = parser.parse_args()
    if args.what == "table":
        compare(args.peers, args.scenarios, args.quick, args.repeat)
    elif args.what == "durability":
        compare(_DURABLE, _DURABLE_SCENARIOS, args.quick, args.repeat)
    elif args.what == "calls":
        calls.run(100 if args.quick else 1000)
    elif args.what == "ledger":
        asyncio.run(ledger.run(2000 if args.quick else 20_000))
    elif args.what == "depth":
        count = args.jobs or (20_000 if args.quick else 1_000_000)
        asyncio.run(depth.run(count, args.waiting or count))
    elif args.what == "scale":
        scale.run(8000 if args.quick else 40_000)
    else:
        asyncio.run(soak.run(args.minutes or (1 if args.quick else 30)))


main()
