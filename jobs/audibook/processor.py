"""The processor: runs any of the workload's jobs in any BullMQ-like worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from pydantic import BaseModel

from .attempt import Attempt
from .cancelling import CancelSignal, until_cancelled
from .catalogue import Catalogue, database_errors
from .diacritics import Diacritics, PointerRegistry
from .library import Library
from .messages import read_job_data
from .services import Enqueue, Services
from .settings import Settings
from .speech import Speech, open_speech
from .storage import Storage, open_storage
from .tasks import add_diacritics, combine_book, combine_page, generate_audio, parse_epub, trial

__all__ = ["JobProcessor"]

_Task = Callable[[Services, Attempt, Any], Awaitable[BaseModel]]
_TASKS: Mapping[str, _Task] = {
    "parse-epub": parse_epub,
    "generate-audio": generate_audio,
    "combine-page-audio": combine_page,
    "combine-book": combine_book,
    "add-diacritics": add_diacritics,
    "add-simple-diacritics": add_diacritics,
    "add-advanced-diacritics": add_diacritics,
    "test-job": trial,
}
_LOGGED_IDS = ("book_id", "page_id", "paragraph_id", "correlation_id")


class JobProcessor:
    """Processes the jobs of the audiobook workload.

    Give it to a worker as its processor, or call `process_job`. Storage, catalogue,
    speech and diacritics are opened as the settings (by default the environment) say,
    unless given.
    `enqueue(name, data, deduplication_id)` adds follow-up jobs where they are wanted.
    One processor serves any number of jobs at once; close it at the end.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        storage: Storage | None = None,
        catalogue: Catalogue | None = None,
        speech: Speech | None = None,
        diacritics: Diacritics | None = None,
        enqueue: Enqueue | None = None,
    ) -> None:
        settings = settings or Settings()
        self._services = Services(
            settings=settings,
            storage=open_storage(settings) if storage is None else storage,
            catalogue=Catalogue(settings.catalogue_url) if catalogue is None else catalogue,
            speech=open_speech(settings) if speech is None else speech,
            diacritics=PointerRegistry(settings) if diacritics is None else diacritics,
            enqueue=enqueue,
        )
        self.library = Library(self._services.catalogue, self._services.storage)

    async def __call__(
        self, job: Any, token: object = None, signal: CancelSignal | None = None
    ) -> dict[str, Any]:
        """Process a worker's job, by its `name` and `data`.

        Stops when the `signal` is aborted, and raises JobCancelledError: the job has failed for
        good, its row has the status of before and its temporary files are gone.
        """
        work = self.process_job(job.name, job.data, job)
        return await (work if signal is None else until_cancelled(work, signal))

    async def process_job(self, name: str, data: object, job: Any | None = None) -> dict[str, Any]:
        """Run the job of this name; gives its result as a JSON object.

        `data` is the job's data, bare or in the original's envelope. `job` may offer
        `updateProgress`, `log`, `attemptsMade` and `opts`. Raises UnrecoverableError
        where another attempt cannot help, and other errors where it can. How it ended is told
        by the worker's events, of which `jetbull worker` makes log lines.
        """
        checked = read_job_data(name, data)
        ids = checked.model_dump(by_alias=True, include=set(_LOGGED_IDS), exclude_none=True)
        attempt = Attempt.of(name, job, ids)
        attempt.log.info("job started")
        with database_errors():
            result = await _TASKS[name](self._services, attempt, checked)
        return result.model_dump(mode="json", by_alias=True)

    async def process_epub_parsing(
        self, data: Mapping[str, Any], job: Any | None = None
    ) -> dict[str, Any]:
        """Run `parse-epub`."""
        return await self.process_job("parse-epub", data, job)

    async def process_audio_generation(
        self, data: Mapping[str, Any], job: Any | None = None
    ) -> dict[str, Any]:
        """Run `generate-audio`."""
        return await self.process_job("generate-audio", data, job)

    async def process_page_audio_combination(
        self, data: Mapping[str, Any], job: Any | None = None
    ) -> dict[str, Any]:
        """Run `combine-page-audio`."""
        return await self.process_job("combine-page-audio", data, job)

    async def process_book_combination(
        self, data: Mapping[str, Any], job: Any | None = None
    ) -> dict[str, Any]:
        """Run `combine-book`."""
        return await self.process_job("combine-book", data, job)

    async def process_diacritics(
        self, data: Mapping[str, Any], job: Any | None = None
    ) -> dict[str, Any]:
        """Run `add-diacritics`: the kind the book asks for, else the advanced one."""
        return await self.process_job("add-diacritics", data, job)

    async def process_simple_diacritics(
        self, data: Mapping[str, Any], job: Any | None = None
    ) -> dict[str, Any]:
        """Run `add-simple-diacritics`."""
        return await self.process_job("add-simple-diacritics", data, job)

    async def process_advanced_diacritics(
        self, data: Mapping[str, Any], job: Any | None = None
    ) -> dict[str, Any]:
        """Run `add-advanced-diacritics`."""
        return await self.process_job("add-advanced-diacritics", data, job)

    def close(self) -> None:
        """Let go of connections to storage and database."""
        self._services.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
