"""Job data and results as they travel through a queue.

`data` and `results` are the models, `reading` checks what a queue hands over.
"""

from __future__ import annotations

from .data import (
    AddDiacritics,
    CombineBook,
    CombinePageAudio,
    GenerateAudio,
    JobData,
    ParseEpub,
    Trial,
)
from .reading import JOB_DATA, problems_of, read_job_data
from .results import (
    BookCombined,
    DiacriticsAdded,
    EpubParsed,
    JobResult,
    NothingToPoint,
    PageCombined,
    ParagraphSpoken,
    TrialDone,
)

__all__ = [
    "JOB_DATA",
    "AddDiacritics",
    "BookCombined",
    "CombineBook",
    "CombinePageAudio",
    "DiacriticsAdded",
    "EpubParsed",
    "GenerateAudio",
    "JobData",
    "JobResult",
    "NothingToPoint",
    "PageCombined",
    "ParagraphSpoken",
    "ParseEpub",
    "Trial",
    "TrialDone",
    "problems_of",
    "read_job_data",
]
