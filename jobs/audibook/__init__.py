"""The audiobook workload: from an EPUB to spoken paragraphs, pages and a whole book.

`JobProcessor` runs the jobs in any BullMQ-like worker and knows nothing of the queue
behind it. The parts, from the outside in: `processor` and `library` (what callers use),
`messages` (job data and results), `tasks` (one module per job), then `epub`, `speech`,
`audio`, `diacritics`, `storage` and `catalogue`, which know nothing of jobs; `languages`
knows the tags all of them meet. `services` are what tasks work with, by `settings` of the
environment, `attempt` is one try at a job, `workspace` its folder, `cancelling` stops it; `logs`
bear its ids, `errors` are what is raised. `worker` is what a worker process loads; `sample` is
a book to try.
"""

from __future__ import annotations

from jetbull.extras import imports_of

with imports_of("audiobook"):
    from .errors import (
        AudibookError,
        AudioToolError,
        CatalogueError,
        DiacriticsError,
        EpubError,
        InvalidJobDataError,
        JobCancelledError,
        NotReadyError,
        ObjectNotFoundError,
        RecordNotFoundError,
        SpeechServiceError,
        SpeechSetupError,
        StorageError,
        TextChangedError,
        UnknownJobError,
        UnrecoverableError,
        UnspeakableTextError,
    )
    from .library import BookOutline, Library, PageOutline, RegisteredBook
    from .messages import JOB_DATA, problems_of, read_job_data
    from .processor import JobProcessor
    from .sample import sample_book
    from .settings import Settings

__all__ = [
    "JOB_DATA",
    "AudibookError",
    "AudioToolError",
    "BookOutline",
    "CatalogueError",
    "DiacriticsError",
    "EpubError",
    "InvalidJobDataError",
    "JobCancelledError",
    "JobProcessor",
    "Library",
    "NotReadyError",
    "ObjectNotFoundError",
    "PageOutline",
    "RecordNotFoundError",
    "RegisteredBook",
    "Settings",
    "SpeechServiceError",
    "SpeechSetupError",
    "StorageError",
    "TextChangedError",
    "UnknownJobError",
    "UnrecoverableError",
    "UnspeakableTextError",
    "problems_of",
    "read_job_data",
    "sample_book",
]
