"""Hebrew vowel marks, by models whose files the operator provides.

`hebrew` knows letters and marks, `model` runs an ONNX model, `registry` finds the files.
"""

from __future__ import annotations

from .hebrew import is_pointed, letters, without_marks
from .model import OnnxPointer
from .registry import Diacritics, Kind, Pointer, PointerRegistry

__all__ = [
    "Diacritics",
    "Kind",
    "OnnxPointer",
    "Pointer",
    "PointerRegistry",
    "is_pointed",
    "letters",
    "without_marks",
]
