"""What a run of the demo is to do, and where it keeps things."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audibook import Settings

__all__ = ["QUEUE", "Plan"]

QUEUE = "audio-processing"
_PREFIX = "demo"


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: a book, a folder, worker processes, and the server if it is not to be ours."""

    epub: Path
    folder: Path
    workers: int = 2
    nats_url: str | None = None
    plain: bool = True

    @property
    def prefix(self) -> str:
        """The queue's prefix: its own, so that other workers of a shared server stay away."""
        return os.environ.get("JETBULL_PREFIX") or _PREFIX

    @property
    def nats_folder(self) -> Path:
        """Data of the embedded server."""
        return self.folder / "nats"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.folder / "logs"

    @property
    def settings(self) -> Settings:
        """The workload's settings: the environment's, with this run's folder for what is local."""
        return Settings(data_dir=self.folder / "data")

    def environment(self, nats_url: str) -> Mapping[str, str]:
        """The environment of the processes."""
        return {
            **os.environ,
            "NATS_URL": nats_url,
            "JETBULL_PREFIX": self.prefix,
            "JETBULL_QUEUE": QUEUE,
            "AUDIBOOK_DATA_DIR": str(self.folder / "data"),
            "LOG_FORMAT": "json",
        }

    def audiobook(self, title: str) -> Path:
        """Where the finished audiobook goes."""
        name = re.sub(r"[^\w .,'-]+", "_", title).strip(" .") or "audiobook"
        return self.folder / f"{name[:120]}.m4b"

    def remove_leftovers(self) -> None:
        """Remove what an earlier run made in the folder, and nothing else."""
        for path in (self.nats_folder, self.logs, self.folder / "data"):
            shutil.rmtree(path, ignore_errors=True)
        for path in [*self.folder.glob("*.m4b"), *self.folder.glob("parsing.json")]:
            path.unlink()
