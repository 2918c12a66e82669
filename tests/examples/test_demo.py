"""The README's first command: a book becomes an audiobook, whatever happens on the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from mutagen.mp4 import MP4
from tests.examples.demo_run import Demo

from audibook import sample_book
from audibook.catalogue import AudioStatus, Catalogue
from audibook.epub import read_epub

pytestmark = pytest.mark.timeout(300)

_CHAPTER_PAUSE_S = 1.5


def _generating(line: str) -> bool:
    """Whether some, but not all paragraphs are done."""
    found = re.search(r"generate-audio (\d+)/(\d+)", line)
    return found is not None and 0 < int(found[1]) < int(found[2])


def _counts(output: str) -> dict[str, list[int]]:
    """The closing table: jobs, completed, failed and run again of each name."""
    rows = re.findall(r"^([a-z-]+) +(\d+) +(\d+) +(\d+) +(\d+)$", output, re.MULTILINE)
    return {name: [int(number) for number in numbers] for name, *numbers in rows}


def _audiobook(folder: Path) -> Any:
    (path,) = folder.glob("*.m4b")
    return MP4(path)  # type: ignore[no-untyped-call]


def _logged(folder: Path, message: str) -> Counter[str]:
    """How often the workers have said this of each job."""
    logs = folder.glob("demo-state/logs/worker-*.log")
    lines = [line for log in logs for line in log.read_text().splitlines()]
    records = [json.loads(line) for line in lines]
    return Counter(record["jobId"] for record in records if record["message"] == message)


def _check_complete(folder: Path) -> None:
    """The audiobook holds every paragraph of the sample once, in one chapter for each page."""
    expected = read_epub(sample_book())
    catalogue = Catalogue(f"sqlite:///{folder / 'demo-state' / 'data' / 'audibook.db'}")
    try:
        (book_id,) = json.loads((folder / "demo-state" / "parsing.json").read_text())
        paragraphs = catalogue.paragraphs.of_book(book_id)
    finally:
        catalogue.close()
    texts = [text for page in expected.pages for text in page.paragraphs]
    assert [p.content for p in paragraphs] == texts
    assert {p.audio_status for p in paragraphs} == {AudioStatus.READY}
    audio = _audiobook(folder)
    spoken = sum(p.audio_duration or 0 for p in paragraphs)
    pauses = _CHAPTER_PAUSE_S * (len(expected.pages) - 1)
    assert audio.info.length == pytest.approx(spoken + pauses, abs=0.1 * len(expected.pages))
    assert [c.title for c in audio.chapters] == [page.title for page in expected.pages]
    assert audio.tags["©nam"] == [expected.metadata.title]
    assert audio.tags["©ART"] == [expected.metadata.author]
    assert len(audio.tags["covr"]) == 1
    assert not list((folder / "demo-state" / "data" / "tmp").iterdir())


def test_the_sample_becomes_an_audiobook_and_a_second_run_repeats_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "demo [old] [/b] ספרים"  # a folder may have any name
    with Demo(folder) as demo:
        assert demo.wait() == 0, demo.output
        assert demo.processes() == []
    counts = _counts(demo.output)
    assert counts["generate-audio"][0] >= 20
    assert all(row[1:] == [row[0], 0, 0] for row in counts.values()), demo.output
    length = _audiobook(folder).info.length
    minutes, seconds = divmod(round(length), 60)
    assert f"{folder}" in demo.output and f"({minutes}:{seconds:02})" in demo.output
    _check_complete(folder)
    started = _logged(folder, "job started")
    with Demo(folder) as again:
        assert again.wait() == 0, again.output
    assert _counts(again.output) == counts
    assert _logged(folder, "job started") == started


def test_killed_workers_and_a_killed_server_leave_no_gap(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with Demo(folder) as demo:
        demo.wait_for_line(_generating)
        demo.find("worker").kill()
        demo.wait_for_line(_generating)
        demo.find("nats-server").kill()
        assert demo.wait() == 0, demo.output
    assert all(row[1:3] == [row[0], 0] for row in _counts(demo.output).values()), demo.output
    _check_complete(folder)


def test_ctrl_c_leaves_nothing_running_and_the_next_run_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with Demo(folder) as demo:
        demo.wait_for_line(_generating)
        running = demo.processes()
        assert len(running) >= 4  # server, interface, two workers
        demo.interrupt()
        assert demo.wait() == 130
        assert demo.processes() == []
    done = set(_logged(folder, "job completed"))
    assert done
    notes = folder / "demo-state" / "parsing.json"
    (book_id,) = json.loads(notes.read_text())
    notes.write_text(f'{{"{book_id}": "cut o')  # by a disk that was full
    with Demo(folder) as again:
        assert again.wait() == 0, again.output
    started = _logged(folder, "job started")
    assert {started[job_id] for job_id in done} == {1}
    _check_complete(folder)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "There is no book"),
        (b"no zip archive", "cannot be read: The file is not an EPUB"),
    ],
    ids=["missing", "no-zip"],
)
def test_a_book_that_cannot_be_read_ends_the_demo_with_a_sentence(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    book = tmp_path / "book.epub"
    if content is not None:
        book.write_bytes(content)
    with Demo(tmp_path / "demo", str(book)) as demo:
        assert demo.wait() == 1
        assert demo.processes() == []
    assert complaint in demo.output and "Traceback" not in demo.output


def test_a_folder_that_cannot_be_made_ends_the_demo_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with Demo(tmp_path / "taken") as demo:
        assert demo.wait() == 1
    assert demo.output.startswith(f"jetbull: The folder {tmp_path / 'taken'} cannot be used (")
    assert "Traceback" not in demo.output


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with Demo(tmp_path / "demo", NATS_URL="nats://localhost:1") as demo:
        assert demo.wait() == 1
    assert "jetbull: No NATS server answers at nats://localhost:1" in demo.output
    assert "HTTP interface" not in demo.output


def test_a_catalogue_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    (folder / "demo-state" / "data" / "audibook.db").mkdir(parents=True)
    with Demo(folder) as demo:
        assert demo.wait() == 1
    told = "The catalogue of the demo cannot be used (unable to open database file): make room in"
    assert demo.output.startswith(f"jetbull: {told} {folder}, or choose another --folder.")
    assert len(demo.output.splitlines()) == 1


def test_who_reads_only_the_beginning_of_the_output_hears_no_complaint(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "jetbull.cli", "demo", "--folder", str(folder)]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        environment = {k: v for k, v in os.environ.items() if k != "NATS_URL"}
        ended = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, env=environment, text=True
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")
    running = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert [line for line in running if str(folder) in " ".join(line)] == []


@pytest.mark.parametrize("number", ["0", "101", "²"])
def test_a_number_of_workers_that_no_machine_has_room_for_is_refused(
    tmp_path: Path, number: str
) -> None:
    with Demo(tmp_path / "demo", f"--workers={number}") as demo:
        assert demo.wait() == 2
    told = f"argument --workers: {number!r} is no number of processes: use 1 to 100"
    assert told in " ".join(demo.output.split())
    assert not (tmp_path / "demo").exists()
