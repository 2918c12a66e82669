"""What each job does, one module per job.

parse_epub, generate_audio, combine_page, combine_book, add_diacritics, trial    the jobs

A task takes the process's services, the attempt and the checked data, and gives the
result. `state` keeps the audio status true, `fingerprint` tells whether stored audio is
still the right one, `parts` fetches what is to be joined, `chapters` tells where they
lie in a book's audio.
"""

from __future__ import annotations

from .add_diacritics import add_diacritics
from .combine_book import combine_book
from .combine_page import combine_page
from .generate_audio import generate_audio
from .parse_epub import parse_epub
from .trial import trial

__all__ = [
    "add_diacritics",
    "combine_book",
    "combine_page",
    "generate_audio",
    "parse_epub",
    "trial",
]
