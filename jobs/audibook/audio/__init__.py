"""Audio: samples streamed through ffmpeg, so that memory does not grow with length.

`formats` says how files are encoded, `ffmpeg` finds and runs the program, `encoder`
streams samples into and out of files, `joiner` joins files, `book` makes the M4B.
"""

from __future__ import annotations

from .book import BookTags, Chapter, write_m4b
from .encoder import Encoder, decoded, encoding
from .ffmpeg import find_ffmpeg
from .formats import AAC_BOOK, MP3_PAGE, MP3_PARAGRAPH, WAV, Format
from .joiner import Part, Span, join

__all__ = [
    "AAC_BOOK",
    "MP3_PAGE",
    "MP3_PARAGRAPH",
    "WAV",
    "BookTags",
    "Chapter",
    "Encoder",
    "Format",
    "Part",
    "Span",
    "decoded",
    "encoding",
    "find_ffmpeg",
    "join",
    "write_m4b",
]
