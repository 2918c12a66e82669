"""Job data and results as they travel through a queue.

`data` and `results` are the models, `reading` checks what a queue hands over.
"""

from __future__ import annotations

from .data import AddDiacritics, CombineBook, CombinePageAudio, GenerateAudio, JobData, ParseEpub
from .reading import JOB_DATA, problems_of, read_job_data
from .results import (
    BookCombined,
    DiacriticsAdded,
    EpubParsed,
    JobResult,
    NothingToPoint,
    PageCombined,
    ParagraphSpoken,
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
    "problems_of",
    "read_job_data",
]
