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
_NAME_BYTES = 200  # file systems take 255


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
    def state(self) -> Path:
        """Everything but the finished audiobook: what a later run goes on from."""
        return self.folder / "demo-state"

    @property
    def nats_folder(self) -> Path:
        """Data of the embedded server."""
        return self.state / "nats"

    @property
    def data_folder(self) -> Path:
        """Storage, catalogue and temporary files of the workload."""
        return self.state / "data"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.state / "logs"

    @property
    def settings(self) -> Settings:
        """The workload's settings: the environment's, with this run's folder for what is local."""
        return Settings(data_dir=self.data_folder)

    def environment(self, nats_url: str) -> Mapping[str, str]:
        """The environment of the processes."""
        return {
            **os.environ,
            "NATS_URL": nats_url,
            "JETBULL_PREFIX": self.prefix,
            "JETBULL_QUEUE": QUEUE,
            "AUDIBOOK_DATA_DIR": str(self.data_folder),
            "LOG_FORMAT": "json",
        }

    def audiobook(self, title: str) -> Path:
        """Where the finished audiobook goes."""
        name = re.sub(r"[^\w .,'-]+", "_", title).strip(" .")
        short = name.encode()[:_NAME_BYTES].decode(errors="ignore").strip()
        return self.folder / f"{short or 'audiobook'}.m4b"

    def remove_leftovers(self) -> None:
        """Forget what earlier runs did; their audiobooks stay."""
        shutil.rmtree(self.state, ignore_errors=True)
