"""Errors that callers of BullMQ know as redis-py's."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest
import redis.exceptions

from jetbull import errors

AWAY = [
    (errors.ServerUnavailable, redis.exceptions.ConnectionError, ConnectionError),
    (errors.ServerTooOld, redis.exceptions.ConnectionError, ConnectionError),
    (errors.AckTimeout, redis.exceptions.TimeoutError, TimeoutError),
]


@pytest.mark.parametrize(("own", "of_redis", "builtin"), AWAY)
def test_a_server_that_is_away_is_caught_under_every_name(
    own: type[Exception], of_redis: type[Exception], builtin: type[Exception]
) -> None:
    for kind in (own, of_redis, builtin, redis.exceptions.RedisError, errors.JetbullError):
        with pytest.raises(kind, match="is away") as caught:
            raise own("The server is away.")
        assert (type(caught.value).__name__, type(caught.value).__module__) == (
            own.__name__,
            "jetbull.errors",
        )
        assert repr(caught.value) == f"{own.__name__}('The server is away.')"
    assert not issubclass(own, redis.exceptions.RedisError)


@pytest.mark.parametrize("own", [kinds[0] for kinds in AWAY])
def test_such_an_error_can_be_copied_and_pickled(own: type[Exception]) -> None:
    error = own("The server is away.")
    error.add_note("since noon")
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert isinstance(again, own)
        assert isinstance(again, redis.exceptions.RedisError)
        assert (str(again), again.__notes__) == ("The server is away.", ["since noon"])


def test_without_redis_it_is_no_error_of_redis() -> None:
    code = (
        "import sys; from jetbull.errors import ServerUnavailable as Away; "
        "print(type(Away('away')) is Away, 'redis' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "False"]
