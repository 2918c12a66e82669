"""Voices: they speak what they can, and say so when they cannot."""

from __future__ import annotations

import pytest

from audibook import Settings, SpeechSetupError, UnspeakableTextError
from audibook.languages import base_language, three_letters
from audibook.speech import HibariEngine, SpeechEngine, ToneEngine, VoiceSettings, open_speech
from audibook.speech.capitals import words_for_capitals
from audibook.speech.language import has_words, is_hebrew, only_in_script
from audibook.speech.spoken import check_duration, speakable
from audibook.speech.stutters import words_for_stutters

_PLAIN = VoiceSettings()


@pytest.fixture(scope="module")
def hibari() -> HibariEngine:
    return HibariEngine()


def _seconds(engine: SpeechEngine, text: str, settings: VoiceSettings = _PLAIN) -> float:
    return sum(map(len, engine.speak(text, None, settings))) / 2 / engine.sample_rate


@pytest.mark.parametrize(
    "text",
    [
        "It was the best of times, it was the worst of times.",
        "On 2023-01-01 Dr. Smith paid $10.50 at 5:30 p.m., i.e. 10,000,000 cents.",
        "I.",
        "1984",
        "Donaudampfschifffahrtsgesellschaftskapitaen" * 3,
        "https://example.org/a/very/long/address/of/a/page.html",
        "Café naïve Łódź Dvořák.",
        f"Pi is 3{'1415926535' * 10} or so.",
        "0,1,1,2,3,5,8,13,21,34,55,89,144,233,377,610,987,1597,2584",
    ],
)
def test_english_is_spoken_at_a_credible_pace(hibari: HibariEngine, text: str) -> None:
    hibari.check(text, "en-GB", None)
    seconds = _seconds(hibari, text)
    assert seconds > 0
    check_duration("hibari", text, seconds, script="LATIN")


def test_the_same_text_gives_the_same_audio(hibari: HibariEngine) -> None:
    text = "Once more, with feeling."
    assert b"".join(hibari.speak(text, None, _PLAIN)) == b"".join(hibari.speak(text, None, _PLAIN))


def test_the_rate_makes_it_faster_and_the_volume_quieter(hibari: HibariEngine) -> None:
    text = "It was the best of times, it was the worst of times."
    assert _seconds(hibari, text, VoiceSettings(rate=50)) < _seconds(hibari, text) * 0.8
    assert not any(b"".join(hibari.speak(text, None, VoiceSettings(volume=0))))


@pytest.mark.parametrize(
    ("text", "language", "voice", "words"),
    [
        ("שלום עולם", "he", None, "speaks English"),
        ("Bonjour", "fr-FR", None, "speaks English"),
        ("שלום עולם", "en", None, "mostly in Hebrew"),
        ("Привет, мир", "", None, "mostly in Cyrillic"),
        ("你好", "und", None, "mostly in Cjk"),
    ],
)
def test_a_voice_refuses_what_it_cannot_speak(
    hibari: HibariEngine, text: str, language: str, voice: str | None, words: str
) -> None:
    with pytest.raises(UnspeakableTextError, match=words):
        hibari.check(text, language, voice)


def test_an_unknown_voice_is_refused_by_name(hibari: HibariEngine) -> None:
    with pytest.raises(SpeechSetupError, match="not 'he-IL-AvriNeural'"):
        hibari.check("Hello", "en", "he-IL-AvriNeural")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("One. ### Two. ======== Three", "One. Two. Three"),
        ("One. - - - Two. ---", "One. Two."),
        ("I . . . was. . . . Well", "I … was… Well"),
        ("a == b, C ++, #1, -5, a - b - c, x---y", "a == b, C ++, #1, -5, a - b - c, x---y"),
    ],
)
def test_lines_drawn_with_characters_are_not_spoken(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize(("text", "seconds"), [("word " * 20, 0.0), ("word " * 20, 2.0), ("a", 60)])
def test_audio_that_cannot_be_the_text_is_refused(text: str, seconds: float) -> None:
    with pytest.raises(UnspeakableTextError, match="were expected"):
        check_duration("test", text, seconds)


def test_an_unknown_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SpeechSetupError, match=r"no speech model 'espeak'.*azure, hibari, tone"):
        open_speech(Settings()).engine("espeak")


def test_azure_without_a_key_is_refused(settings: Settings) -> None:
    with pytest.raises(SpeechSetupError, match="AZURE_SPEECH_KEY is required"):
        open_speech(settings).engine("azure")


def test_an_engine_is_made_once(settings: Settings) -> None:
    speech = open_speech(settings)
    assert speech.engine("tone") is speech.engine("tone")


def test_a_tone_is_as_long_as_the_text_would_take() -> None:
    assert _seconds(ToneEngine(), "abcd " * 30) == pytest.approx(10, abs=0.1)


def test_voice_settings_take_numbers_and_percentages_and_refuse_the_rest() -> None:
    settings = VoiceSettings.of({"rate": "+10%", "pitch": -5, "volume": None, "style": "sad"})
    assert (settings.rate, settings.pitch, settings.volume) == (10, -5, 100)
    with pytest.raises(SpeechSetupError, match="'rate' is 80"):
        VoiceSettings.of({"rate": 80})
    with pytest.raises(SpeechSetupError, match="'pitch' is 'high'"):
        VoiceSettings.of({"pitch": "high"})


def test_quotation_marks_and_white_space_are_made_plain() -> None:
    assert speakable("“a”  ‘b’\n צה״ל ג׳ורג׳ בית\u05beספר") == "\"a\" 'b' צה\"ל ג'ורג' בית-ספר"


def test_letters_of_another_script_are_left_out_with_their_marks() -> None:
    assert only_in_script("a कि שָׁ b", "LATIN").split() == ["a", "b"]
    assert only_in_script("a\u0301 кот", "LATIN").split() == ["a\u0301"]


def test_letters_of_formulas_and_other_widths_are_made_plain() -> None:
    assert speakable("twenty‑one Smith‐Jones donʼt it´s can`t `so´") == (
        "twenty-one Smith-Jones don't it's can't `so´"
    )
    assert speakable("𝐇𝐞𝐥𝐥𝐨, ｗｉｄｅ １２！ 10⁶, x²") == "Hello, wide 12! 10 6, x²"
    assert speakable("בּוֹא") == "בּוֹא"


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("H₂O is 10⁻⁹ m", "H2O is 10 −9 m"),
        ("item ⑴, 5②", "item (1) , 5 2"),
        ("⒈ First", "1. First"),
    ],
)
def test_raised_lowered_and_enclosed_numbers_are_spoken(
    hibari: HibariEngine, written: str, spoken: str
) -> None:
    assert speakable(written) == spoken
    assert b"".join(hibari.speak(spoken, None, _PLAIN))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("ALICE WAS BEGINNING to get tired", "Alice was Beginning to get tired"),
        ("IT was the best of times", "It was the best of times"),
        ("“NEVER!” he said. “I’M OFF, I WON’T go.”", "“Never!” he said. “I’m off, I Won’t go.”"),
        ("CHAPTER XIV. MR. O’BRIEN’S END", "Chapter XIV. Mr. O’Brien’s end"),
        ("BY H. G. WELLS OF THE U.S.A.", "By H. G. Wells of the U.S.A."),
        ("A MAN AND A RABBIT-HOLE", "A man and a Rabbit-Hole"),
        ("US troops left US AND THEM", "US troops left Us and Them"),
        ("the US, the BBC, HIV and AIDS; Plan B", "the US, the BBC, HIV and AIDS; Plan B"),
        ("iPhone, NaCl, McDONALD, É", "iPhone, NaCl, McDONALD, É"),
        ("XXVII.", "27."),
        ("IV", "4"),
        ("I", "1"),
        ("III. THE ROAD", "3. The Road"),
        ("I. Asimov wrote. MIX it", "I. Asimov wrote. MIX it"),
        ("I said", "I said"),
        ("IIX.", "IIX."),
        ("", ""),
    ],
)
def test_words_in_capitals_are_spoken_as_words_and_initials_are_spelled(
    written: str, spoken: str
) -> None:
    assert words_for_capitals(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2½ miles, 3 ⅔", "2 and ½ miles, 3 and ⅔"),
        ("No. 5, № 6 and Nos. 7", "number 5, number 6 and numbers 7"),
        ("Shh! Hmph, grrr.", "shush! humph, gurr."),
        ("Mme. Bovary, Mlle. d’Orsay", "Madame Bovary, Mademoiselle d’Orsay"),
    ],
)
def test_the_embedded_voice_says_fractions_and_shortened_words(
    hibari: HibariEngine, written: str, spoken: str
) -> None:
    first, second = (b"".join(hibari.speak(text, None, _PLAIN)) for text in (written, spoken))
    assert first == second


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("“S-s-sorry,” he said, n-not looking.", "“Suh-suh-sorry,” he said, nuh-not looking."),
        ("W-what? Th-that J-Jane! N—no.", "Wuh-what? Thuh-that Juh-Jane! Nuh—no."),
        ("C-certainly. I am c-cold.", "Suh-certainly. I am cuh-cold."),
        ("WH-WHAT", "Whuh-WHAT"),
        (
            "I-I, a T-shirt, a T-test, an R-rated D-Day.",
            "I-I, a T-shirt, a T-test, an R-rated D-Day.",
        ),
        ("Well-l-like B-1 or W-w-w, s-s.", "Well-l-like B-1 or W-w-w, s-s."),
    ],
)
def test_the_beginnings_of_stuttered_words_are_syllables(written: str, spoken: str) -> None:
    assert words_for_stutters(written) == spoken


def test_the_embedded_voice_does_not_spell_what_is_stuttered(hibari: HibariEngine) -> None:
    stuttered, words = (
        b"".join(hibari.speak(text, None, _PLAIN)) for text in ("S-s-sorry!", "Suh-suh-sorry!")
    )
    assert stuttered == words


def test_the_embedded_voice_does_not_spell_a_chapter_that_begins_in_capitals(
    hibari: HibariEngine,
) -> None:
    capitals, words = (
        b"".join(hibari.speak(text, None, _PLAIN))
        for text in ("MR. GOTHMOG WENT home.", "Mr. Gothmog Went home.")
    )
    assert capitals == words


def test_a_sentence_of_any_length_is_spoken_in_pieces(hibari: HibariEngine) -> None:
    text = "and then and then " * 500
    pieces = list(hibari.speak(text, None, _PLAIN))
    assert len(pieces) >= len(text) // 1000
    check_duration("hibari", text, sum(map(len, pieces)) / 2 / hibari.sample_rate, script="LATIN")


@pytest.mark.parametrize("language", ["en", "EN-us", "en_GB", "eng", "English", "und", ""])
def test_english_is_known_by_every_name_books_give_it(hibari: HibariEngine, language: str) -> None:
    hibari.check("It began here.", language, None)


@pytest.mark.parametrize("language", ["he", "he_IL", "heb", "iw", "iw-IL", "Hebrew", "עברית"])
def test_hebrew_is_known_by_every_name_books_give_it(language: str) -> None:
    assert base_language(language) == "he"


def test_languages_and_scripts_are_told_apart() -> None:
    assert [base_language(tag) for tag in ("en-GB", "he_IL", "und", "")] == ["en", "he", "", ""]
    locales = ("C", "C.UTF-8", "POSIX", "en_US.UTF-8", "English (US)")  # pandoc's, of its machine
    assert [base_language(tag) for tag in locales] == ["", "", "", "en", "en"]
    assert [three_letters(tag) for tag in ("en-GB", "iw", "yue", "xx")] == ["eng", "heb", "yue", ""]
    assert is_hebrew("שָׁלוֹם Hi") and not is_hebrew("Hello שלום") and not is_hebrew("123")
    assert has_words("7") and not has_words("* * *")
