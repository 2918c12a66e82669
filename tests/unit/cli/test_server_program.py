"""The environment in which nats-server runs."""

from __future__ import annotations

import os

import pytest

from jetbull.server import program
from jetbull.server.program import server_environment


@pytest.mark.parametrize(("cores", "threads"), [(1, "1"), (2, "1"), (4, None)])
def test_a_server_that_shares_few_cores_with_workers_takes_one(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: str | None
) -> None:
    monkeypatch.delenv("GOMAXPROCS", raising=False)
    monkeypatch.setattr(program, "_cores", lambda: cores)
    assert server_environment().get("GOMAXPROCS") == threads
    assert server_environment().get("PATH") == os.environ.get("PATH")


def test_what_was_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOMAXPROCS", "2")
    monkeypatch.setattr(program, "_cores", lambda: 1)
    assert server_environment()["GOMAXPROCS"] == "2"
