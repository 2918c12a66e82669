"""What `connection` and its variables may hold."""

from __future__ import annotations

from typing import Any

import pytest

from jetbull import Queue
from jetbull.connection import target_of
from jetbull.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NATS_URL", "JETBULL_REPLICAS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("given", ["x", "1.0", "0", "-2", "9"])
def test_an_impossible_number_of_replicas_is_told_by_its_names(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    told = rf"^connection\.replicas \(JETBULL_REPLICAS\) is '{given}': .* from 1 to 5\.$"
    with pytest.raises(ConfigurationError, match=told):
        Queue("q", {"connection": {"url": "nats://localhost:4222", "replicas": given}})
    monkeypatch.setenv("JETBULL_REPLICAS", given)
    with pytest.raises(ConfigurationError, match=told):
        Queue("q")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = target_of(None)
    monkeypatch.setenv("JETBULL_REPLICAS", "")
    monkeypatch.setenv("NATS_URL", "")
    assert target_of(None) == expected


@pytest.mark.parametrize("given", [[], " , ", {"servers": []}, {"servers": None}, {"url": ","}])
def test_a_connection_without_a_server_says_how_to_name_one(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="connection names no server: give a URL"):
        Queue("q", {"connection": given})
