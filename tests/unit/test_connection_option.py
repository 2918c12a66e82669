"""What `connection` and its variables may hold."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from jetbull import Queue
from jetbull.connection import target_of
from jetbull.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NATS_URL", "NATS_USER", "NATS_TOKEN", "NATS_CREDS", "JETBULL_REPLICAS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("given", ["x", "1.0", "0", "-2", "9", "inf"])
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NATS_USER", "ada"),
        ("NATS_PASSWORD", "secret "),
        ("NATS_TOKEN", "secret"),
        ("NATS_CREDS", "/run/ada.creds"),
        ("JETBULL_REPLICAS", "3"),
    ],
)
def test_a_line_end_of_windows_behind_a_variable_does_not_count(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if name == "NATS_PASSWORD":
        monkeypatch.setenv("NATS_USER", "ada")
    monkeypatch.setenv(name, value)
    expected = target_of(None)
    monkeypatch.setenv(name, value + "\r")
    assert target_of(None) == expected


@pytest.mark.parametrize("given", [[], " , ", {"servers": []}, {"servers": None}, {"url": ","}])
def test_a_connection_without_a_server_says_how_to_name_one(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="connection names no server: give a URL"):
        Queue("q", {"connection": given})


@pytest.mark.parametrize("name", ["server", "host", "uri"])
def test_a_nats_address_under_another_name_is_refused_and_not_another_server_taken(
    name: str,
) -> None:
    told = rf"^connection\.{name} holds a NATS address, which belongs under the name servers\.$"
    with pytest.raises(ConfigurationError, match=told) as refused:
        Queue("q", {"connection": {name: "nats://ada:secret@one:4222", "port": 4222}})
    assert "secret" not in str(refused.value)


def test_an_endless_number_of_replicas_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"is inf: it must be a whole number from 1 to 5"):
        Queue("q", {"connection": {"url": "nats://localhost", "replicas": float("inf")}})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"inbox_prefix": "two words"}, r"inbox_prefix is 'two words': it must be a subject"),
        ({"inbox_prefix": "_INBOX.*"}, r"inbox_prefix is '_INBOX\.\*': it must be a subject"),
        ({"inbox_prefix": "_INBOX."}, r"inbox_prefix is '_INBOX\.': it must be a subject"),
        ({"inbox_prefix": ""}, r"inbox_prefix is '': it must be a subject"),
        ({"inbox_prefix": 5}, r"inbox_prefix is a text, not 5\.$"),
        ({"name": {"worker": 1}}, r"name is a text, not \{'worker': 1\}\.$"),
        (
            {"connect_timeout": "soon"},
            r"connect_timeout is a number of seconds above 0, not 'soon'",
        ),
        ({"connect_timeout": 0}, r"connect_timeout is a number of seconds above 0, not 0\.$"),
        ({"servers": 4222}, r"servers is a URL or a list of them, not 4222\.$"),
    ],
)
def test_an_option_that_ends_every_connection_is_refused(
    options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"^connection\.{told}"):
        Queue("q", {"connection": {"servers": "nats://localhost:4222", **options}})


def test_options_without_a_server_belong_to_the_configured_one(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setenv("NATS_URL", "nats://one:4222,nats://two:4222")
    login = {"user": "mailer", "password": "secret", "replicas": 3}
    assert target_of(login) == target_of({"servers": "nats://one:4222,nats://two:4222", **login})
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore:jetbull keeps jobs in NATS")
@pytest.mark.parametrize(
    "given",
    [
        {"password": "secret"},
        {"host": "localhost", "port": 6379, "name": "x"},
        {"host": "localhost", "user": "postgres", "password": "x"},
    ],
)
def test_options_that_redis_may_mean_are_those_of_redis(given: dict[str, Any]) -> None:
    assert target_of(given) == target_of(None)


def test_an_option_that_is_none_is_not_given() -> None:
    given = {"servers": "nats://localhost:4222", "name": None, "inbox_prefix": None, "token": None}
    assert target_of(given) == target_of("nats://localhost:4222")


@pytest.mark.parametrize(
    "given",
    [
        "nats://",
        "nats://localhost:99999",
        "nats://localhost:0",
        "nats://localhost:-1",
        "localhost:port",
        "nats//localhost",
        "4222",
        ["nats://localhost:4222", "nats://:4222"],
    ],
)
def test_an_address_that_no_server_can_have_is_refused_and_not_tried_for_ever(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"names no host and port: write it as nats://"):
        Queue("q", {"connection": given})


def test_a_wrong_address_is_told_without_its_login() -> None:
    with pytest.raises(ConfigurationError) as raised:
        Queue("q", {"connection": "nats://ann:secret@localhost:99999"})
    assert "'nats://localhost:99999' names" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_websockets_and_plain_connections_are_not_mixed() -> None:
    with pytest.raises(ConfigurationError, match=r"mixes ws:// with nats://"):
        Queue("q", {"connection": ["nats://one:4222", "ws://two:8080"]})


def test_websockets_without_their_package_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ConfigurationError, match=r"needs the Python package aiohttp: `pip install"):
        Queue("q", {"connection": "ws://localhost:8080"})
