"""Job data and results as they travel through a queue.

`data` and `results` are the models, `reading` checks what a queue hands over.
"""

from __future__ import annotations

from .data import CombineBook, CombinePageAudio, Diacritics, GenerateAudio, JobData, ParseEpub
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
    "BookCombined",
    "CombineBook",
    "CombinePageAudio",
    "Diacritics",
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
