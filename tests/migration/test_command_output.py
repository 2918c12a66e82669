"""What the commands print and write: progress, reports, questions, and never a secret."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .commands import bull2jet, command, on_terminal
from .conftest import RedisServer, make_jobs, put_job

SECRET = "correct-horse-battery"


def test_without_a_terminal_progress_is_lines_or_json_lines(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 8)
    plain = bull2jet("plan", *sides)
    assert "bull:q read wait: 8 of 8, " in plain.err and "\x1b" not in plain.err + plain.out
    rows = [
        json.loads(line)
        for line in bull2jet("plan", *sides, "--progress", "json").err.split("\n")
        if line
    ]
    (waiting,) = [row for row in rows if row["state"] == "read wait"]
    assert (waiting["queue"], waiting["done"], waiting["total"]) == ("bull:q", 8, 8)
    assert waiting.keys() >= {"perSecond", "bytes", "secondsLeft"}


def test_comparing_tells_how_far_it_is_while_it_looks_at_the_order_too(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 8)
    done = bull2jet("run", *sides, "--progress", "json")
    *_, last = (json.loads(line) for line in done.err.split("\n") if line)
    assert (last["state"], last["done"], last["total"]) == ("verify order", 16, 16)


def test_the_report_comes_as_json_and_as_a_page(
    redis_server: RedisServer, sides: tuple[str, ...], tmp_path: Path
) -> None:
    make_jobs(redis_server.client, 8)
    assert bull2jet("run", *sides).code == 0
    report, html = tmp_path / "report.json", tmp_path / "report.html"
    done = bull2jet("verify", *sides, "--json", "--report", str(report), "--html", str(html))
    document: dict[str, Any] = json.loads(done.out)
    assert document == json.loads(report.read_text())
    assert document["exitCode"] == 0 and document["verdict"] == "fine"
    (queue,) = document["queues"]
    waiting = queue["states"]["waiting"]
    assert waiting["equal"] == waiting["count"] == 8
    assert waiting["digest"] == waiting["targetDigest"] and waiting["inOrder"] is True
    page = html.read_text()
    assert page.startswith("<!doctype html>") and waiting["digest"] in page
    assert document["seal"] in page and "<script" not in page


def test_a_report_that_cannot_be_written_is_printed_all_the_same(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 8)
    done = bull2jet("run", *sides, "--report", "/dev/full")  # as a disk that is
    assert done.code == 1 and "is done, but its report cannot be written" in done.err
    assert "carried, 0 left in Redis" in done.out


def test_an_output_that_fails_is_told_from_a_command_that_does(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 8)
    with open("/dev/full", "w") as full:
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        words = command("run", *sides)
        done = subprocess.run(words, env=buffered, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"Exception ignored" not in done.stderr
    assert b"`bull2jet run` is done, but its report cannot be written to the output" in done.stderr
    assert bull2jet("verify", *sides).code == 0


def test_an_output_that_cannot_show_a_queues_name_shows_its_codes(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 8)
    redis_server.client.rename("bull:q:meta", "bull:größe:meta")
    told = subprocess.run(
        command("plan", *sides),
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0 and rb"bull:gr\xf6\xdfe" in told.stdout


def test_on_a_terminal_there_are_bars_and_the_queues_name_is_asked_for(
    redis_server: RedisServer, sides: tuple[str, ...], tmp_path: Path
) -> None:
    make_jobs(redis_server.client, 8)
    code, shown = on_terminal("run", *sides)
    assert code == 0 and "━" in shown and "bull:q wait" in shown
    archive = ("--archive", str(tmp_path / "archive.gz"))
    code, shown = on_terminal("finalize", *sides, *archive, typed="wrong\n")
    assert code == 1 and "Type the queue's name (q)" in shown and "nothing was changed" in shown
    assert redis_server.client.exists("bull:q:w1")
    code, _ = on_terminal("finalize", *sides, *archive, typed="q\n")
    assert code == 0 and not redis_server.client.exists("bull:q:w1")


def test_job_data_and_passwords_are_never_shown(
    redis_server: RedisServer, sides: tuple[str, ...], tmp_path: Path
) -> None:
    client = redis_server.client
    make_jobs(client, 2)
    put_job(client, "good", data=json.dumps({"card": SECRET}))
    put_job(client, "bad", data='{"card": ' + SECRET)
    put_job(client, "odd", returnvalue=SECRET, stacktrace=SECRET, timestamp=SECRET)
    client.lpush("bull:q:wait", "good", "bad", "odd")
    report, html = tmp_path / "report.json", tmp_path / "report.html"
    secret_url = sides[0].replace("redis://", f"redis://default:{SECRET}@")
    client.config_set("requirepass", SECRET)
    try:
        told = ""
        for name in ("inspect", "plan", "run", "verify", "rollback"):
            words = [name, secret_url, "--report", str(report), "--html", str(html)]
            words += [] if name == "inspect" else ["--to", sides[2]]
            words += ["--yes"] if name == "rollback" else []
            done = bull2jet(*words)
            assert done.code in (0, 3), done
            told += done.out + done.err + report.read_text() + html.read_text()
        wrong = bull2jet("inspect", secret_url.replace(SECRET, SECRET[:-1]))
        assert wrong.code == 5 and "refused the login" in wrong.err
    finally:
        client.config_set("requirepass", "")
    assert "broken-data" in told
    assert SECRET not in told and SECRET[:-1] not in wrong.err
