"""Job options: defaults merged, short forms expanded, bad values refused in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jetbull.backoffs import Backoffs
from jetbull.checks import is_finite, numeral, shown
from jetbull.errors import ConfigurationError
from jetbull.ledger.finishing.retention import KEEP_ALL, Keep
from jetbull.ledger.parents.parentage import POLICY
from jetbull.spelling import look_over
from jetbull.types.job_options import JobOptions

JobOpts = dict[str, Any]

#: What every new job's options begin with; most jobs are given no others.
NEW_JOB: JobOpts = {"attempts": 0, "delay": 0, "backoff": None}
PRIORITY_LIMIT = 2_097_152  # as BullMQ's guide says; its Node code of version 6 stops one before
DEFAULT_PREFIX = "bull"

_LIMITS = ("keepLogs", "sizeLimit", "stackTraceLimit")
_AGES = 1e18  # seconds: as good as for ever
_NUMBERS = frozenset({"attempts", "delay", "timestamp", *_LIMITS})
OPTS_DECODE = {
    "fpof": "failParentOnFailure",
    "cpof": "continueParentOnFailure",
    "idof": "ignoreDependencyOnFailure",
    "rdof": "removeDependencyOnFailure",
    "kl": "keepLogs",
    "de": "deduplication",
}
OPTS_ENCODE = {v: k for k, v in OPTS_DECODE.items()}
_TELEMETRY = {"tm": "metadata", "omc": "omitContext"}  # two keys for the parts of one option
_KNOWN = frozenset({*JobOptions.__annotations__, *OPTS_DECODE, *_TELEMETRY, "debounce"})
PARENT_POLICIES = ("fpof", "rdof", "idof", "cpof")


def expand(opts: Mapping[str, Any]) -> JobOpts:
    """Long names for the short keys BullMQ stores."""
    long = {OPTS_DECODE.get(k, k): v for k, v in opts.items() if k not in _TELEMETRY}
    telemetry = {name: opts[short] for short, name in _TELEMETRY.items() if short in opts}
    return {**long, "telemetry": telemetry} if telemetry else long


def shorten(opts: Mapping[str, Any]) -> JobOpts:
    """The keys BullMQ for Node stores, of which `expand` makes the long names again."""
    short = {OPTS_ENCODE.get(k, k): v for k, v in opts.items()}
    if isinstance(telemetry := short.get("telemetry"), Mapping):
        del short["telemetry"]
        short |= {key: telemetry[name] for key, name in _TELEMETRY.items() if name in telemetry}
    return short


def checked(opts: JobOpts) -> JobOpts:
    """`opts` with backoff normalised. ConfigurationError (a ValueError) for what cannot work."""
    if not opts:
        return opts
    look_over("a job", opts, _KNOWN)
    enabled = [name for name in POLICY if opts.get(name)]
    if len(enabled) > 1:
        raise ConfigurationError(
            f"The following options cannot be used together: {', '.join(enabled)}"
        )
    for option in ("delay", "priority", *_LIMITS):
        if option in opts:
            opts[option] = numeral(opts[option])
    if opts.get("priority") is not None:
        check_priority(opts["priority"])
    if opts.get("backoff") is not None:
        opts["backoff"] = _backoff(opts["backoff"])
    return opts


def _backoff(option: Any) -> dict[str, Any] | None:
    given = numeral(option)
    if given and (isinstance(given, bool) or not isinstance(given, int | float | dict)):
        raise ConfigurationError(
            "backoff is a number of milliseconds or a dictionary such as "
            f'{{"type": "exponential", "delay": 1000}}, not {shown(option)}.'
        )
    backoff = dict(Backoffs.normalize(given) or {})
    for part in ("delay", "jitter"):
        if backoff.get(part) is not None:
            backoff[part] = numeral(backoff[part])
            check_number(f"backoff.{part}", backoff[part])
    if not 0 <= (backoff.get("jitter") or 0) <= 1:
        raise ConfigurationError("Jitter should be between 0 and 1")
    return backoff or None


def readable(opts: JobOpts) -> JobOpts:
    """The options of a stored job, also of one that a library stored which refuses less: such a
    job is to be seen and to run all the same; without a backoff that makes no sense.
    """
    if opts.get("backoff") is not None:
        try:
            opts["backoff"] = _backoff(opts["backoff"])
        except ConfigurationError:
            opts["backoff"] = None
    if isinstance(opts.get("attempts"), str):
        opts["attempts"] = numeral(opts["attempts"])
    return opts


def whole(option: Any) -> int:
    """An option of a stored job that counts something; 0 for what says no number."""
    given = numeral(option)
    return int(given) if is_finite(given) else 0


def check_priority(priority: float) -> None:
    """ConfigurationError (a ValueError) for what is no whole number of 0 to PRIORITY_LIMIT."""
    if priority is True or not isinstance(priority, int | float):
        raise ConfigurationError(f"priority is a number, not {priority!r}.")
    if isinstance(priority, float) and not priority.is_integer():
        raise ConfigurationError("Priority should not be float")
    if not 0 <= priority <= PRIORITY_LIMIT:
        raise ConfigurationError(f"Priority should be between 0 and {PRIORITY_LIMIT}")


def check_id(opts: Mapping[str, Any]) -> None:
    """Refuses custom ids that BullMQ takes for its own marks in Redis, and never runs."""
    if str(opts.get("jobId")).startswith("0:"):
        raise ConfigurationError("JobId cannot start with '0:'")


def check_types(opts: Mapping[str, Any]) -> None:
    """Refuses values that would only be noticed later, and then stop the job or a whole command."""
    if opts == NEW_JOB:
        return
    for option in _NUMBERS.intersection(opts):
        value = opts[option]
        if type(value) is not int and value is not None:
            check_number(option, value)
    for option in ("removeOnComplete", "removeOnFail"):
        if option in opts:
            keep_policy(opts[option])


def check_number(option: str, value: Any) -> None:
    """ConfigurationError (a ValueError) for what is no number, or not a finite one."""
    if not is_finite(value):
        raise ConfigurationError(f"{option} is a number, not {value!r}.")


def check_size(name: str, data: bytes, opts: Mapping[str, Any]) -> None:
    """Refuses data above `sizeLimit` bytes (BullMQ for Node: JobOptions.sizeLimit)."""
    limit = opts.get("sizeLimit")
    if limit and len(data) > int(limit):
        raise ConfigurationError(f"The size of job {name} exceeds the limit {limit} bytes")


def keep_policy(option: Any) -> Keep:
    """`removeOnComplete` / `removeOnFail`: True, n, {count, age (s), limit} or nothing."""
    if option is None or option is False:
        return KEEP_ALL
    if option is True:
        return Keep(0)
    parts = option if isinstance(option, Mapping) else {"count": option}
    count, age, limit = (parts.get(part) for part in ("count", "age", "limit"))
    if not all(n is None or (isinstance(n, int | float) and n == n) for n in (count, age, limit)):
        raise ConfigurationError(
            "removeOnComplete and removeOnFail take true, a number or {count, age}, "
            f"not {option!r}."
        )
    return Keep(
        int(count) if count is not None and 0 <= count < float("inf") else None,
        None if age is None or age > _AGES else float(max(0, age)),
        1000 if limit is None else int(max(0, min(limit, 1e9))),
    )


def keep_of_stored(option: Any) -> Keep:
    """As `keep_policy`; what cannot be understood keeps everything, as in BullMQ."""
    try:
        return keep_policy(option)
    except ConfigurationError:
        return KEEP_ALL


__all__ = [
    "DEFAULT_PREFIX",
    "NEW_JOB",
    "OPTS_DECODE",
    "OPTS_ENCODE",
    "PARENT_POLICIES",
    "PRIORITY_LIMIT",
    "JobOpts",
    "check_id",
    "check_number",
    "check_priority",
    "check_size",
    "check_types",
    "checked",
    "expand",
    "keep_of_stored",
    "keep_policy",
    "readable",
    "shorten",
    "whole",
]
