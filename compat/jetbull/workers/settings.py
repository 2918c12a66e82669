"""A worker's options: their defaults, and bad values refused with BullMQ's messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jetbull import checks
from jetbull.errors import ConfigurationError
from jetbull.options import keep_policy
from jetbull.spelling import look_over
from jetbull.types.worker_options import WorkerOptions

_DEFAULTS = {
    "drainDelay": 5,
    "concurrency": 1,
    "lockDuration": 30000,
    "maxStalledCount": 1,
    "stalledInterval": 30000,
    "runRetryDelay": 15000,
}
_LIMITED_LOOK_MS = 30_000

_KNOWN = frozenset({*WorkerOptions.__annotations__, "connectionName"})  # a name of Node's

_SETTINGS = frozenset({"backoffStrategy", "repeatStrategy"})


class _Settled(dict[str, Any]):
    """A worker's options. They tell the worker when one is set later, which it may refuse."""

    def __init__(self, opts: Mapping[str, Any], on_set: Callable[[str, Any], None]) -> None:
        super().__init__(opts)
        self._on_set = on_set

    def __setitem__(self, name: str, value: Any) -> None:
        self._on_set(name, value)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        if name in self:
            self._on_set(name, _DEFAULTS.get(name))
        super().__delitem__(name)

    def update(self, *args: Any, **more: Any) -> None:
        for name, value in dict(*args, **more).items():
            self[name] = value

    def pop(self, name: str, *default: Any) -> Any:
        value = super().get(name, *default) if name in self or default else self[name]
        if name in self:
            del self[name]
        return value

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return dict, (dict(self),)  # a copy is nobody's options


def settled(opts: Mapping[str, Any] | None, on_set: Callable[[str, Any], None]) -> dict[str, Any]:
    """The options with defaults. ConfigurationError (a ValueError) for what cannot work.

    `on_set` is called with each option that is set later.
    """
    given: dict[str, Any] = {**_DEFAULTS, **checks.mapping("opts", opts)}
    look_over("a worker", given, _KNOWN)
    for name in _DEFAULTS.keys() - {"concurrency"}:
        if given[name] is None:
            given[name] = _DEFAULTS[name]
    for name in (*_DEFAULTS, "lockRenewTime", "maximumRateLimitDelay", "maxStartedAttempts"):
        if name != "concurrency" and given.get(name) is not None:
            _number(name, given[name])
    if given.get("name") is not None:
        checks.label("name", given["name"])
    positive("concurrency", given["concurrency"])
    positive("lockDuration", given["lockDuration"])
    if given["maxStalledCount"] < 0:
        raise ConfigurationError("maxStalledCount must be greater or equal than 0")
    if (given.get("maxStartedAttempts") or 0) < 0:
        raise ConfigurationError("maxStartedAttempts must be greater or equal than 0")
    if given["stalledInterval"] <= 0:
        raise ConfigurationError("stalledInterval must be greater than 0")
    if given["drainDelay"] <= 0:
        raise ConfigurationError("drainDelay must be greater than 0")
    for name in ("removeOnComplete", "removeOnFail"):
        keep_policy(given.get(name))
    limiter(given.get("limiter"))
    _settings(given.get("settings"))
    _parts("metrics", given.get("metrics"), ("maxDataPoints",))
    if given.get("lockRenewTime") is None:
        given["lockRenewTime"] = given["lockDuration"] // 2
    return _Settled(given, on_set)


def limited_look_ms(opts: Mapping[str, Any]) -> float:
    """The longest wait between two looks while rate limited: `maximumRateLimitDelay`."""
    given: float | None = opts.get("maximumRateLimitDelay")
    return _LIMITED_LOOK_MS if given is None else given


def limiter(option: Any) -> None:
    """ConfigurationError unless the option is `{max, duration}` in numbers, or None.

    An empty one, and one whose `max` is None, limit nothing; half a limiter would do so unnoticed.
    """
    _parts("limiter", option, ("max", "duration"))
    if not option:
        return
    most, duration = checks.numeral(option.get("max")), checks.numeral(option.get("duration"))
    is_whole = ("max" in option) == ("duration" in option)
    if is_whole and (most is None or (most >= 1 and duration is not None and duration >= 0)):
        return
    raise ConfigurationError(
        "limiter needs a max of 1 or more and a duration in milliseconds, such as "
        f'{{"max": 10, "duration": 1000}}, not {checks.shown(option)}.'
    )


def _settings(option: Any) -> None:
    """ConfigurationError unless the option is a dictionary whose `backoffStrategy` can be called.

    Otherwise no job that fails could be tried again.
    """
    settings = checks.mapping("settings", option)
    look_over("the settings of a worker", settings, _SETTINGS)
    strategy = settings.get("backoffStrategy")
    if strategy is not None and not callable(strategy):
        raise ConfigurationError(
            "settings.backoffStrategy is a function that gives milliseconds, "
            f"not {checks.shown(strategy)}."
        )


def _number(name: str, value: Any) -> None:
    if not isinstance(value, int | float) or value != value:
        raise ConfigurationError(f"{name} must be a number, not {value!r}")


def _parts(name: str, option: Any, parts: Sequence[str]) -> None:
    """ConfigurationError unless the parts of an option are numbers, whole ones also as text."""
    if option is None:
        return
    if isinstance(option, Mapping):
        values = [checks.numeral(option.get(part)) for part in parts]
        if all(value is None or _is_finite(value) for value in values):
            return
    raise ConfigurationError(f"{name} must be {{{', '.join(parts)}}} in numbers, not {option!r}")


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and value == value and abs(value) != float("inf")


def positive(name: str, value: Any) -> None:
    """ConfigurationError unless `value` is a finite number of at least 1."""
    if not _is_finite(value) or value < 1:
        told = "" if isinstance(value, int | float) else f", not {checks.shown(value)}"
        raise ConfigurationError(f"{name} must be a finite number greater than 0{told}")


__all__ = ["limited_look_ms", "limiter", "positive", "settled"]
