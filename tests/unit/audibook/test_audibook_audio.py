"""Audio: real files, joined to the sample, with chapters, cover and tags."""

from __future__ import annotations

import math
import struct
import tracemalloc
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4

from audibook import AudioToolError
from audibook.audio import (
    AAC_BOOK,
    MP3_PAGE,
    MP3_PARAGRAPH,
    WAV,
    BookTags,
    Chapter,
    Format,
    Part,
    decoded,
    encoding,
    find_ffmpeg,
    join,
    write_m4b,
)
from audibook.audio.ffmpeg import running_ffmpeg

_RATE = 24_000


def _tone(seconds: float, hertz: float) -> bytes:
    step = 2 * math.pi * hertz / _RATE
    return array(
        "h", (int(9000 * math.sin(step * n)) for n in range(int(seconds * _RATE)))
    ).tobytes()


def _read(kind: Any, path: Path) -> Any:
    """mutagen's view of a file; its own types are too loose to check."""
    return kind(path)


async def _write(ffmpeg: Path, path: Path, samples: bytes, audio: Format = MP3_PARAGRAPH) -> Path:
    async with encoding(ffmpeg, path, audio, _RATE) as encoder:
        await encoder.write(samples)
    return path


async def _samples(ffmpeg: Path, path: Path, rate: int) -> array[int]:
    data = b"".join([piece async for piece in decoded(ffmpeg, path, rate)])
    return array("h", data)


async def _in_order(parts: Sequence[Part]) -> AsyncIterator[Part]:
    for part in parts:
        yield part


@pytest.mark.parametrize("audio", [MP3_PARAGRAPH, WAV])
async def test_encoded_audio_has_the_length_of_its_samples(
    ffmpeg: Path, tmp_path: Path, audio: Format
) -> None:
    path = await _write(ffmpeg, tmp_path / f"a{audio.suffix}", _tone(3.5, 440), audio)
    decoded_samples = await _samples(ffmpeg, path, _RATE)
    assert len(decoded_samples) / _RATE == pytest.approx(3.5, abs=0.01)


async def test_the_page_format_is_mono_mp3_of_22050_hertz(ffmpeg: Path, tmp_path: Path) -> None:
    part = Part(await _write(ffmpeg, tmp_path / "p.mp3", _tone(1, 440)))
    await join(ffmpeg, _in_order([part]), tmp_path / "page.mp3", MP3_PAGE, sample_rate=22_050)
    info = _read(MP3, tmp_path / "page.mp3").info
    assert (info.sample_rate, info.channels) == (22_050, 1)
    assert info.bitrate == pytest.approx(128_000, rel=0.02)


async def test_joined_audio_is_the_parts_in_order_and_as_long_as_they_are(
    ffmpeg: Path, tmp_path: Path
) -> None:
    lengths = [3.5, 2.0, 0.4, 1.23456]
    parts = [
        Part(await _write(ffmpeg, tmp_path / f"{n}.mp3", _tone(s, 200 * (n + 1))), s)
        for n, s in enumerate(lengths)
    ]
    page = tmp_path / "page.mp3"
    spans = await join(ffmpeg, _in_order(parts), page, MP3_PAGE, sample_rate=22_050)
    samples = await _samples(ffmpeg, page, 22_050)
    assert len(samples) / 22_050 == pytest.approx(sum(lengths), abs=0.1)
    assert spans[-1].end == pytest.approx(sum(lengths), abs=0.01)
    for number, span in enumerate(spans):
        inside = samples[int(span.start * 22_050) + 2000 : int(span.end * 22_050) - 2000]
        crossings = sum(a < 0 <= b for a, b in pairwise(inside))
        assert crossings / len(inside) * 22_050 == pytest.approx(200 * (number + 1), rel=0.05)
    assert not any(part.path.exists() for part in parts)


async def test_a_pause_lies_between_the_parts_only(ffmpeg: Path, tmp_path: Path) -> None:
    parts = [Part(await _write(ffmpeg, tmp_path / f"{n}.mp3", _tone(1, 440))) for n in range(3)]
    spans = await join(
        ffmpeg, _in_order(parts), tmp_path / "j.wav", WAV, sample_rate=22_050, pause=0.5
    )
    assert [round(span.start, 2) for span in spans] == [0.0, 1.5, 3.0]
    samples = await _samples(ffmpeg, tmp_path / "j.wav", 22_050)
    assert not any(samples[int(1.1 * 22_050) : int(1.4 * 22_050)])


async def test_memory_does_not_grow_with_the_number_of_parts(ffmpeg: Path, tmp_path: Path) -> None:
    source = (await _write(ffmpeg, tmp_path / "s.mp3", _tone(10, 440))).read_bytes()

    async def parts(count: int) -> AsyncIterator[Part]:
        for number in range(count):
            path = tmp_path / f"part-{number}.mp3"
            path.write_bytes(source)
            yield Part(path, 10)

    async def peak(count: int) -> int:
        tracemalloc.start()
        try:
            target = tmp_path / f"{count}.mp3"
            await join(ffmpeg, parts(count), target, MP3_PAGE, sample_rate=22_050)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    await peak(1)
    assert await peak(12) < await peak(2) + 500_000  # ten more parts are 4.4 MB of samples


@pytest.mark.parametrize("data", [b"", b"no audio at all" * 100])
async def test_a_damaged_part_fails_the_join(ffmpeg: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.mp3").write_bytes(data)
    good = Part(await _write(ffmpeg, tmp_path / "good.mp3", _tone(1, 440)))
    parts = _in_order([good, Part(tmp_path / "bad.mp3")])
    words = "Part 2 of the audio cannot be read; make it again: ffmpeg ended with code"
    with pytest.raises(AudioToolError, match=words):
        await join(ffmpeg, parts, tmp_path / "page.mp3", MP3_PAGE, sample_rate=22_050)


@pytest.mark.parametrize("behind", [b"\0", b"<p>Not found</p>", bytes(range(1, 251)) * 20])
async def test_bytes_behind_the_last_frame_of_a_part_cost_no_audio(
    ffmpeg: Path, tmp_path: Path, behind: bytes
) -> None:
    first = await _write(ffmpeg, tmp_path / "a.mp3", _tone(1, 440))
    first.write_bytes(first.read_bytes() + behind)
    second = await _write(ffmpeg, tmp_path / "b.mp3", _tone(1, 880))
    parts = _in_order([Part(first, seconds=1), Part(second, seconds=1)])
    target = tmp_path / "j.mp3"
    spans = await join(ffmpeg, parts, target, MP3_PAGE, sample_rate=22_050)
    assert spans[-1].end == pytest.approx(2, abs=0.05)


async def test_a_short_part_in_which_nothing_can_be_read_fails_the_join(
    ffmpeg: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.mp3").write_bytes(b"no audio at all")
    part = Part(tmp_path / "bad.mp3", seconds=0.1)
    with pytest.raises(AudioToolError, match="Part 1 of the audio cannot be read; make it again"):
        await join(ffmpeg, _in_order([part]), tmp_path / "j.mp3", MP3_PAGE, sample_rate=22_050)


async def test_a_part_shorter_than_recorded_fails_the_join(ffmpeg: Path, tmp_path: Path) -> None:
    part = Part(await _write(ffmpeg, tmp_path / "a.mp3", _tone(1, 440)), seconds=9)
    with pytest.raises(AudioToolError, match=r"Part 1 .* is 1.00 s long and should be 9.00 s"):
        await join(ffmpeg, _in_order([part]), tmp_path / "j.mp3", MP3_PAGE, sample_rate=22_050)


async def test_the_encoder_that_fails_gives_ffmpegs_reason(ffmpeg: Path, tmp_path: Path) -> None:
    async def encode() -> None:
        async with encoding(ffmpeg, tmp_path / "no" / "a.mp3", MP3_PAGE, _RATE) as encoder:
            while True:
                await encoder.write(bytes(1 << 20))

    with pytest.raises(AudioToolError, match="No such file or directory"):
        await encode()


async def test_a_cancelled_encoding_leaves_no_process(ffmpeg: Path, tmp_path: Path) -> None:
    started = anyio.Event()
    begun: list[psutil.Process] = []

    async def encode() -> None:
        async with encoding(ffmpeg, tmp_path / "a.mp3", MP3_PAGE, _RATE) as encoder:
            children = psutil.Process().children()
            begun.extend(child for child in children if str(tmp_path / "a.mp3") in child.cmdline())
            started.set()
            while True:
                await encoder.write(bytes(1000))
                await anyio.lowlevel.checkpoint()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(encode)
            await started.wait()
            group.cancel_scope.cancel()
    assert begun
    assert not any(process.is_running() for process in begun)


async def test_an_ffmpeg_that_has_ended_does_not_hide_what_went_wrong(ffmpeg: Path) -> None:
    async with AsyncExitStack() as stack:
        stack.enter_context(pytest.raises(EOFError, match="no more text"))
        process = await stack.enter_async_context(running_ffmpeg(ffmpeg, ["-version"]))
        await process.wait()
        raise EOFError("no more text")


async def test_a_missing_ffmpeg_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioToolError, match="correct AUDIBOOK_FFMPEG"):
        find_ffmpeg(tmp_path / "ffmpeg")
    (tmp_path / "ffmpeg").write_text("no program")
    with pytest.raises(AudioToolError, match="Cannot start ffmpeg"):
        await _write(tmp_path / "ffmpeg", tmp_path / "a.mp3", b"")


def test_ffmpeg_of_the_package_is_found_without_one_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg().is_file()


async def test_an_m4b_has_chapters_cover_and_tags(
    ffmpeg: Path, tmp_path: Path, cover_png: bytes
) -> None:
    joined = await _write(ffmpeg, tmp_path / "b.m4a", _tone(6, 440), AAC_BOOK)
    cover = tmp_path / "cover.png"
    cover.write_bytes(cover_png)
    chapters = [Chapter("One = 1; #", 0, 2.5), Chapter("פרק\\ב", 4, 6)]
    tags = BookTags("A\nTitle; = #1", "An Author", "A Voice", "he-IL")
    target = tmp_path / "b.m4b"
    await write_m4b(ffmpeg, joined, target, tags=tags, chapters=chapters, cover=cover)
    book = _read(MP4, target)
    assert book.info.length == pytest.approx(6, abs=0.1)
    assert [(c.title, c.start) for c in book.chapters] == [("One = 1; #", 0), ("פרק\\ב", 4)]
    assert book.tags["\xa9nam"] == ["A\nTitle; = #1"]
    assert book.tags["\xa9ART"] == ["An Author"]
    assert book.tags["\xa9gen"] == ["Audiobook"]
    assert bytes(book.tags["covr"][0]) == cover_png
    data = target.read_bytes()
    assert struct.unpack(">4s", data[4:8]) == (b"ftyp",)
    (packed,) = struct.unpack_from(">H", data, data.index(b"mdhd") + 24)  # of the first stream
    assert "".join(chr(0x60 + (packed >> shift & 31)) for shift in (10, 5, 0)) == "heb"
    assert len(await _samples(ffmpeg, target, 22_050)) / 22_050 == pytest.approx(6, abs=0.1)


async def test_a_title_as_long_as_a_chapter_is_cut_and_not_damaged(
    ffmpeg: Path, tmp_path: Path
) -> None:
    joined = await _write(ffmpeg, tmp_path / "b.m4a", _tone(1, 440), AAC_BOOK)
    target = tmp_path / "b.m4b"
    title = "words " * 11_000
    await write_m4b(ffmpeg, joined, target, tags=BookTags(title), chapters=[Chapter(title, 0, 1)])
    arguments = [str(ffmpeg), "-loglevel", "error", "-i", str(target), "-f", "ffmetadata", "-"]
    read = await anyio.run_process(arguments)
    titles = [line for line in read.stdout.decode().splitlines() if line.startswith("title=")]
    assert titles == [f"title={title[:1000]}"] * 2
