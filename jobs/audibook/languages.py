"""Language tags as books write them."""

from __future__ import annotations

import re

__all__ = ["base_language", "chapter_title", "three_letters"]

_UNKNOWN = {"", "und", "mul", "zxx", "mis", "posix", "unknown", "undefined", "none"}
_SHORT = {
    **dict.fromkeys(("eng", "english"), "en"),
    **dict.fromkeys(("heb", "iw", "hebrew", "עברית"), "he"),
    **dict.fromkeys(("yid", "ji"), "yi"),
    **dict.fromkeys(("fra", "fre", "french", "français"), "fr"),
    **dict.fromkeys(("deu", "ger", "german", "deutsch"), "de"),
    **dict.fromkeys(("spa", "spanish", "español"), "es"),
    **dict.fromkeys(("ita", "italian"), "it"),
    **dict.fromkeys(("por", "portuguese"), "pt"),
    **dict.fromkeys(("nld", "dut", "dutch"), "nl"),
    **dict.fromkeys(("rus", "russian"), "ru"),
    **dict.fromkeys(("ara", "arabic"), "ar"),
    **dict.fromkeys(("fas", "per", "persian"), "fa"),
    **dict.fromkeys(("zho", "chi", "chinese"), "zh"),
    **dict.fromkeys(("jpn", "japanese"), "ja"),
    **dict.fromkeys(("kor", "korean"), "ko"),
    **dict.fromkeys(("ell", "gre"), "el"),
    **dict.fromkeys(("ces", "cze"), "cs"),
    **dict.fromkeys(("slk", "slo"), "sk"),
    **dict.fromkeys(("ron", "rum"), "ro"),
    **dict.fromkeys(("ind", "in"), "id"),
    "bel": "be",
    "bul": "bg",
    "cat": "ca",
    "dan": "da",
    "fin": "fi",
    "hin": "hi",
    "hrv": "hr",
    "hun": "hu",
    "lat": "la",
    "lit": "lt",
    "nor": "no",
    "pol": "pl",
    "slv": "sl",
    "srp": "sr",
    "swe": "sv",
    "tha": "th",
    "tur": "tr",
    "ukr": "uk",
    "urd": "ur",
    "vie": "vi",
}
"""The two letters for codes of three letters, for withdrawn codes and for names."""
_THREE = {short: code for code, short in reversed(_SHORT.items()) if len(code) == 3}

_CHAPTERS = {
    "ar": "الفصل {}",
    "cs": "Kapitola {}",
    "da": "Kapitel {}",
    "de": "Kapitel {}",
    "el": "Κεφάλαιο {}",
    "es": "Capítulo {}",
    "fa": "فصل {}",
    "fi": "Luku {}",
    "fr": "Chapitre {}",
    "he": "פרק {}",
    "hu": "{}. fejezet",
    "it": "Capitolo {}",
    "ja": "第{}章",
    "ko": "제{}장",
    "nl": "Hoofdstuk {}",
    "no": "Kapittel {}",
    "pl": "Rozdział {}",
    "pt": "Capítulo {}",
    "ru": "Глава {}",
    "sv": "Kapitel {}",
    "tr": "Bölüm {}",
    "uk": "Розділ {}",
    "yi": "קאַפּיטל {}",
    "zh": "第{}章",
}


def chapter_title(number: int, tag: str) -> str:
    """What a chapter without a title is called in this language; in English where not known."""
    return _CHAPTERS.get(base_language(tag), "Chapter {}").format(number)


def base_language(tag: str) -> str:
    """`en` for `en-GB`, `en_US.UTF-8`, `eng` or `English`; empty for tags that name no language.

    One letter names none: pandoc writes the locale of its machine, which may be `C`.
    """
    base = re.split(r"[-_.@,;(\s]", tag.strip().lower())[0]
    return "" if base in _UNKNOWN or len(base) == 1 else _SHORT.get(base, base)


def three_letters(tag: str) -> str:
    """`eng` for `en-GB`, as audio files name languages; empty where that is not known."""
    base = base_language(tag)
    return base if len(base) == 3 else _THREE.get(base, "")
