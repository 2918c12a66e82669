"""Finding the model for each kind of diacritics."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal, Protocol

from audibook.errors import DiacriticsError
from audibook.settings import Settings

from .model import OnnxPointer

__all__ = ["Diacritics", "Kind", "Pointer", "PointerRegistry"]

Kind = Literal["simple", "advanced"]

_TOKENIZER = "tokenizer.json"


class Pointer(Protocol):
    """Puts vowel marks on Hebrew text."""

    def point(self, text: str) -> str:
        """The text with marks; raises DiacriticsError. Blocks: run it in a thread."""


class Diacritics(Protocol):
    """Where the jobs get their pointers from."""

    def pointer(self, kind: Kind) -> Pointer:
        """The pointer of this kind; raises DiacriticsError when it is not set up."""


class PointerRegistry:
    """The models the settings name, loaded at first use and then kept.

    `simple` is the dicta model, `advanced` phonikud with its phonetic marks.
    """

    def __init__(self, settings: Settings) -> None:
        self._paths = {
            "simple": ("DICTA", settings.dicta_model_path, settings.dicta_tokenizer_path),
            "advanced": (
                "PHONIKUD",
                settings.phonikud_model_path,
                settings.phonikud_tokenizer_path,
            ),
        }
        self._pointers: dict[str, Pointer] = {}
        self._lock = threading.Lock()

    def pointer(self, kind: Kind) -> Pointer:
        """See Diacritics."""
        with self._lock:
            if kind not in self._pointers:
                name, model, tokenizer = self._paths[kind]
                model = _existing(f"{name}_MODEL_PATH", model, "the model's .onnx file")
                tokenizer = _existing(
                    f"{name}_TOKENIZER_PATH",
                    tokenizer or model.with_name(_TOKENIZER),
                    f"the model's {_TOKENIZER}",
                )
                self._pointers[kind] = OnnxPointer(model, tokenizer, phonetic=kind == "advanced")
            return self._pointers[kind]


def _existing(variable: str, path: Path | None, what: str) -> Path:
    if path is None:
        raise DiacriticsError(f"Diacritics need a model: set {variable} to {what}.")
    if not path.is_file():
        raise DiacriticsError(f"There is no file {str(path)!r}: set {variable} to {what}.")
    return path
