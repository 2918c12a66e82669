"""What the server says no with, as the errors of jetbull: each with what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jetbull.errors import Conflict, StoreError, StreamMissing
from jetbull.ledger.wire.stored import Headers

_REFUSED = frozenset({10071, 10070, 10164, 10158})  # by a guard, or as a second copy
_NOT_FOUND = frozenset({10059, 10014, 10037})
_STORE = (
    "Its store has no room left: remove finished jobs (`queue.clean`), free its disk, or raise "
    "max_file in its configuration."
)
_REMEDIES = {
    10002: _STORE,  # of the account
    10023: _STORE,  # of its limit
    10047: _STORE,  # on the disk
    10008: "Too few servers of its cluster are there: start the others.",
    10026: "A queue needs some ten, and one for each priority in use: raise max_consumers of the "
    "account or stream.",
    10027: "A prefix needs five: raise max_streams of the account.",
    10039: "Enable it for the account of this login, or log in to another one.",
    10113: "A bound would refuse new jobs, so jetbull sets none: take max_bytes_required from the "
    "account.",
}


def store_error(error: Mapping[str, Any]) -> StoreError:
    """The exception for a JetStream error object."""
    code = int(error.get("err_code", error.get("code", 0)))
    text = str(error.get("description", error))
    if code in _REFUSED:
        return Conflict(text, code)
    if code in _NOT_FOUND:
        return StreamMissing(text, code)
    refusal = f"The server refused: {text} (JetStream error {code})"
    if code in _REMEDIES:
        refusal += f". {_REMEDIES[code]}"
    return StoreError(refusal, code)


def refused_read(headers: Headers) -> StoreError:
    """The exception for a read that was answered with a status other than that nothing is there."""
    status = headers.get("Status", "")
    if status == "503":
        return nobody()
    text = headers.get("Description", "")
    return StoreError(f"The server refused a read: {status} {text}")


def nobody() -> StreamMissing:
    """The exception for a question that nobody listened to."""
    return StreamMissing(
        "No JetStream stream listens here: the server has just started, its cluster has no "
        "majority (start the other servers), or JetStream is not enabled."
    )


__all__ = ["nobody", "refused_read", "store_error"]
