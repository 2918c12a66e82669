"""Words by which chapters and scenes begin, in English and Hebrew."""

from __future__ import annotations

import re

__all__ = ["begins_chapter", "begins_scene"]

_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    "sixteen|seventeen|eighteen|nineteen|twenty|first|second|third|fourth|fifth|last"
)
_ENGLISH_CHAPTER = rf"(?:chapter|part|section|book)\s+(?:the\s+)?(?:\d+|[ivxlc]+|{_NUMBER_WORDS})\b"
_ENGLISH_OTHER = (
    r"(?:epilogue|prologue|introduction|conclusion|appendix|bibliography|index|foreword|preface|"
    r"afterword)\b"
)
_HEBREW_ORDINALS = (
    "ראשון|ראשונה|שני|שנייה|שניה|שלישי|שלישית|רביעי|רביעית|חמישי|חמישית|שישי|שישית|שביעי|שביעית|"
    "שמיני|שמינית|תשיעי|תשיעית|עשירי|עשירית|אחד|אחת|אחרון"
)
_HEBREW_CHAPTER = (
    rf"(?:פרק|חלק|שער|ספר)\s+(?:ה?(?:{_HEBREW_ORDINALS})|\d+|[א-ת]{{1,2}}['׳]?|[א-ת]+[\"״][א-ת])"
    r"(?![א-ת])"
)
_HEBREW_OTHER = (
    r"(?:אפילוג|פרולוג|מבוא|הקדמה|פתח דבר|אחרית דבר|סוף דבר|נספח|ביבליוגרפיה|מפתח)(?![א-ת])"
)
_CHAPTER = re.compile(
    f"(?:{_ENGLISH_CHAPTER}|{_ENGLISH_OTHER}|{_HEBREW_CHAPTER}|{_HEBREW_OTHER})", re.IGNORECASE
)

_ENGLISH_TIME = (
    r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|"
    r"june|july|august|september|october|november|december|morning|afternoon|evening|night|dawn|"
    r"dusk)\b|(?:\w+\s+){0,3}(?:years|months|weeks|days) later\b"
)
_HEBREW_TIME = (
    r"(?:יום (?:ראשון|שני|שלישי|רביעי|חמישי|שישי)|שבת|ינואר|פברואר|מרץ|אפריל|מאי|יוני|יולי|אוגוסט|"
    r"ספטמבר|אוקטובר|נובמבר|דצמבר|בוקר|צהריים|ערב|לילה|שחר|"
    r"כעבור (?:שנים|שנה|חודשים|חודש|שבועות|שבוע|ימים|יומיים))(?![א-ת])"
)
_DATE = r"\d{1,2}[./]\d{1,2}[./]\d{2,4}\b"
_SCENE = re.compile(f"(?:{_ENGLISH_TIME}|{_HEBREW_TIME}|{_DATE})", re.IGNORECASE)
_MARKS = re.compile("[\u0591-\u05c7]")


def begins_chapter(text: str) -> bool:
    """Whether the text begins as the heading of a chapter, part or appendix does."""
    return _CHAPTER.match(_MARKS.sub("", text)) is not None


def begins_scene(text: str) -> bool:
    """Whether the text begins with a day, a month, a date or a time of day."""
    return _SCENE.match(_MARKS.sub("", text)) is not None
