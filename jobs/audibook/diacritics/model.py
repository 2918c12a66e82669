"""Running a diacritics model: an ONNX file and the tokenizer that belongs to it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from audibook.errors import DiacriticsError

from .hebrew import chunks, decomposed, is_pointed, without_marks

__all__ = ["OnnxPointer"]

_LONGEST = 2046  # the model's 2048 positions less its two special tokens
_DAGESH = "\u05bc"
_VOWELS = (*map(chr, range(0x05B0, 0x05BC)),)
_MATRES = "matres"
# The order of the classes is part of the trained models: none, a mute letter, a dagesh,
# the vowels, the vowels with a dagesh, the small kamats without and with one.
_CLASSES = (
    "",
    _MATRES,
    _DAGESH,
    *_VOWELS,
    *(_DAGESH + v for v in _VOWELS),
    "\u05c7",
    "\u05bc\u05c7",
)
_SHIN_DOTS = ("\u05c1", "\u05c2")
_PHONETIC_MARKS = ("\u05ab", "\u05bd", "|")  # stress, spoken shva, end of a prefix
_BAR = "|"
_WORDS = re.compile(r"(\s+)")


class OnnxPointer:
    """Points Hebrew text; `phonetic` adds stress, spoken shva and prefix marks.

    The model takes `input_ids`, `attention_mask` and `token_type_ids`, one token for
    each character, and gives `nikud_logits`, `shin_logits` and, if phonetic,
    `additional_logits`. Nothing is fetched from anywhere. Calls block; one pointer
    serves several threads.
    """

    def __init__(self, model: Path, tokenizer: Path, *, phonetic: bool) -> None:
        self._tokenizer = _tokenizer(tokenizer)
        options = onnxruntime.SessionOptions()
        # More threads make a model of this size slower, and jobs run beside each other.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has no common base for its errors
            raise DiacriticsError(f"{model.name!r} is no usable ONNX model: {error}.") from error
        self._phonetic = phonetic
        self._inputs = {entry.name for entry in self._session.get_inputs()}
        self._outputs = ["nikud_logits", "shin_logits"]
        self._outputs += ["additional_logits"] if phonetic else []
        missing = set(self._outputs) - {entry.name for entry in self._session.get_outputs()}
        if missing:
            raise DiacriticsError(
                f"{model.name!r} is no diacritics model of this kind: it does not give "
                f"{', '.join(sorted(missing))}."
            )

    def point(self, text: str) -> str:
        """The text with marks; raises DiacriticsError if anything but marks would change.

        Single words that are pointed in it stay as they are: somebody meant them to be read so.
        """
        text = decomposed(text)
        bare = without_marks(text)
        pointed = "".join(self._point(piece) for piece in chunks(bare, _LONGEST))
        back = without_marks(pointed)
        if self._phonetic:
            bare, back = bare.replace(_BAR, ""), back.replace(_BAR, "")
        if back != bare:
            raise DiacriticsError("The diacritics model changed letters of the text.")
        words = zip(_WORDS.split(text), _WORDS.split(pointed), strict=True)
        return "".join(own if is_pointed(own) else made for own, made in words)

    def _point(self, piece: str) -> str:
        encoding = self._tokenizer.encode(piece)
        ids = np.array([encoding.ids], np.int64)
        given = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        feed = {name: value for name, value in given.items() if name in self._inputs}
        vowels, dots, *more = self._session.run(self._outputs, feed)
        chosen, shins = vowels[0].argmax(-1), dots[0].argmax(-1)
        phonetic = more[0][0] > 0 if more else np.zeros((len(chosen), 0), bool)
        marks = [""] * len(piece)
        for token, (start, end) in enumerate(encoding.offsets):
            if end - start == 1:
                kind = _CLASSES[chosen[token]]
                marks[start] = _marks(piece[start], kind, shins[token], phonetic[token])
        return "".join(letter + mark for letter, mark in zip(piece, marks, strict=True))


def _marks(letter: str, kind: str, shin: int, phonetic: Any) -> str:
    """The marks on one letter, in the order in which they are written."""
    if not "א" <= letter <= "ת":
        return ""
    dot = _SHIN_DOTS[shin] if letter == "ש" else ""
    if kind == _MATRES:
        if letter in "אוי":
            return ""
        kind = ""
    added = (mark for mark, wanted in zip(_PHONETIC_MARKS, phonetic, strict=False) if wanted)
    return dot + kind + "".join(added)


def _tokenizer(path: Path) -> Any:
    try:
        module = importlib.import_module("tokenizers")
    except ModuleNotFoundError:
        raise DiacriticsError(
            "Diacritics need the package 'tokenizers': install jetbull[diacritics]."
        ) from None
    try:
        tokenizer = module.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise DiacriticsError(f"{path.name!r} is no usable tokenizer: {error}.") from error
    # A file may keep the lengths of its training: the rest of a text would get no marks.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
