"""Log lines as text, for people."""

from __future__ import annotations

import logging
import sys

from jetbull.cli.logs import TextFormatter


def test_what_a_caller_sends_begins_no_line_of_its_own() -> None:
    fields = {
        "msg": "POST %s: 404",
        "args": ("/retry/1\n12:00 INFO paid\x1b[2J",),
        "jobId": "a\r\nb",
    }
    line = TextFormatter().format(logging.makeLogRecord(fields))
    assert line.splitlines() == [line]
    assert line.endswith(r"POST /retry/1\n12:00 INFO paid\x1b[2J: 404  jobId=a\r\nb")


def test_a_traceback_stands_below_its_line() -> None:
    try:
        raise ValueError("paper jam")
    except ValueError:
        fields = {"msg": "The job failed", "exc_info": sys.exc_info()}
        first, *below = TextFormatter().format(logging.makeLogRecord(fields)).splitlines()
    assert first.endswith("The job failed")
    assert below[0].startswith("Traceback") and below[-1] == "ValueError: paper jam"
