"""The long run: every fault again and again, until the time is over.

`python -m tests.faults --seed 7 --minutes 30`; `--only "half-open link"` runs one, `--keep FOLDER`
leaves books and logs there.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import time
from pathlib import Path

from tests.faults import all_faults
from tests.faults.report import table
from tests.faults.running import Result, perform


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--only", help="faults whose name holds this text")
    parser.add_argument("--once", action="store_true", help="every fault once, whatever it takes")
    parser.add_argument("--keep", type=Path, help="folder for books and logs")
    args = parser.parse_args()
    print(f"seed {args.seed}")
    results = asyncio.run(_run(args.seed, args.minutes, args.only or "", args.once, args.keep))
    print(table(results))
    return 1 if any(result.problems for result in results) else 0


async def _run(seed: int, minutes: float, only: str, once: bool, keep: Path | None) -> list[Result]:
    chosen = [fault for name, fault in all_faults().items() if only in name]
    end = time.monotonic() + minutes * 60
    results: list[Result] = []
    round_seed = seed
    while not results or (not once and time.monotonic() < end):
        for fault in chosen:
            folder = keep and keep / f"{fault.name.replace(' ', '-').replace(':', '')}-{round_seed}"
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            results.append(await perform(fault, round_seed, folder))
            print(results[-1].told(), flush=True)
            if not once and time.monotonic() > end:
                break
        round_seed += 1
    return results


if __name__ == "__main__":
    raise SystemExit(main())
