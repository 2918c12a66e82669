"""A short book to try the workload with, written for this package.

`story.txt` is the text, `cover` draws the picture, `build` puts both into the EPUB that
lies beside them.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["sample_book"]


def sample_book() -> Path:
    """Path of the sample EPUB: English, four chapters, a cover, seven minutes of speech."""
    return Path(__file__).parent / "the-lamp-at-gull-point.epub"
