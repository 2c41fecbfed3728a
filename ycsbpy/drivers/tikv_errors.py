"""What TiKV's errors prove about a write: the one table that all TiKV drivers use.

A write that got an error instead of an acknowledgement is ``FAILED`` only if it is certain that it did not take
effect and never will; otherwise it is ``UNKNOWN``. Two things decide that.

*What this error says of the attempt it answers* (``Proof``). A store refuses a request before it proposes it to Raft,
or while it applies the entry, which every replica does alike: then the attempt is dead. But ``stale_command``
(leadership changed) and ``region_not_found`` (the peer was removed) also answer requests that were proposed already,
and whose entry the next leader may commit. And a connection that broke says nothing at all.

*What is known of the attempts before it.* Client libraries try again by themselves: a first attempt whose answer is
lost in a broken connection may be in place when the second one is told that the server is busy. So an error speaks
for the whole operation only if each attempt before it is known to be dead, or if it refuses the request for what it
is (too large, wrong column family), because then every attempt met the same refusal.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.ops import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "CONNECT_FAILED",
    "GRPC_STATUSES",
    "LOST_ATTEMPT",
    "REGION_ERRORS",
    "UNREACHABLE_PD",
    "Failure",
    "Proof",
    "failed",
    "failure_by_status",
    "region_failure",
    "snake_case",
    "store_failure",
]


class Proof(enum.IntEnum):
    """What an error proves about a write."""

    NOTHING = 0
    """It may have been applied, or may be yet."""
    ATTEMPT_DEAD = 1
    """The attempt that got this error was never sent, or was refused and will not be applied."""
    REQUEST_REFUSED = 2
    """So, and for what the request is: no attempt of it can have fared better."""


class Failure(NamedTuple):
    """One attempt's error: a stable name, what it proves about a write, and its own words."""

    name: str
    proof: Proof
    detail: str = ""


LOST_ATTEMPT = Failure("lost", Proof.NOTHING, "an earlier attempt may have been lost")
"""Stands for attempts of which nothing is known."""

UNREACHABLE_PD = Failure("pd_unreachable", Proof.ATTEMPT_DEAD)
"""PD had to be asked for the way to the store, and did not answer."""

REGION_ERRORS: Mapping[str, Proof] = {
    # Looked at before the request is proposed; the last three of the first group are checked again, with the same
    # answer on every replica, when the entry is applied.
    "not_leader": Proof.ATTEMPT_DEAD,
    "store_not_match": Proof.ATTEMPT_DEAD,
    "mismatch_peer_id": Proof.ATTEMPT_DEAD,
    "region_not_initialized": Proof.ATTEMPT_DEAD,
    "is_witness": Proof.ATTEMPT_DEAD,
    "server_is_busy": Proof.ATTEMPT_DEAD,  # the queue was full, or the deadline passed while it waited there
    "disk_full": Proof.ATTEMPT_DEAD,
    "max_timestamp_not_synced": Proof.ATTEMPT_DEAD,
    "recovery_in_progress": Proof.ATTEMPT_DEAD,
    "proposal_in_merging_mode": Proof.ATTEMPT_DEAD,
    "flashback_in_progress": Proof.ATTEMPT_DEAD,
    "flashback_not_prepared": Proof.ATTEMPT_DEAD,
    "epoch_not_match": Proof.ATTEMPT_DEAD,
    "key_not_in_region": Proof.ATTEMPT_DEAD,
    "raft_entry_too_large": Proof.REQUEST_REFUSED,
    # Also answers requests that were proposed before: their entries may still be committed.
    "stale_command": Proof.NOTHING,
    "region_not_found": Proof.NOTHING,
    "undetermined_result": Proof.NOTHING,
    # Answers to reads; a write that got one would be a surprise.
    "read_index_not_ready": Proof.NOTHING,
    "data_is_not_ready": Proof.NOTHING,
    "bucket_version_not_match": Proof.NOTHING,
}
"""Fields of ``errorpb.Error`` → what they prove. One that is not here, or an error with only a message, proves
nothing."""

_STORE_ERRORS: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.ASCII), name)
    for pattern, name in (
        (r"max key size exceeded|KeyTooLarge", "key_too_large"),
        (r"invalid cf name|InvalidCf", "invalid_cf"),
        (r"cf is deprecated", "invalid_cf"),
        (r"ttl is not enabled|TtlNotEnabled", "ttl_not_enabled"),
        (r"api version in request does not match|ApiVersionNotMatched", "api_version_not_matched"),
        (r"key mode mismatched|InvalidKeyMode", "invalid_key_mode"),
    )
)
"""Texts of a response's ``error`` that refuse a request for what it is; any other may have come after it was
applied."""

GRPC_STATUSES: Mapping[str, Proof] = {
    # Given by the gRPC layer before any handler runs. All other codes a broken connection can have as well.
    "unimplemented": Proof.ATTEMPT_DEAD,
    "unauthenticated": Proof.ATTEMPT_DEAD,
    "permission_denied": Proof.ATTEMPT_DEAD,
}

CONNECT_FAILED = re.compile(
    r"failed to connect|error trying to connect|tcp connect error|dns (error|resolution failed)",
    re.IGNORECASE,
)
"""gRPC's words, in both libraries, for a request that found no connection to be sent on."""

_TIMED_OUT = re.compile(r"timeout expired|deadline exceeded", re.IGNORECASE)
_TOO_LARGE = re.compile(r"message length too large|larger than max", re.IGNORECASE)


def region_failure(kind: str, detail: str = "") -> Failure:
    """The failure that a region error means; ``kind`` is the name of its field, empty if it has only a message."""
    return Failure(kind or "region_error", REGION_ERRORS.get(kind, Proof.NOTHING), detail)


def store_failure(text: str) -> Failure:
    """The failure that a response's ``error`` text means."""
    for pattern, name in _STORE_ERRORS:
        if pattern.search(text):
            return Failure(name, Proof.REQUEST_REFUSED, text)
    return Failure("store_error", Proof.NOTHING, text)


def failure_by_status(status: str, message: str) -> Failure:
    """The failure that a gRPC status means; ``status`` is the code's name in any spelling (``Unavailable``,
    ``UNAVAILABLE``)."""
    code = snake_case(status)
    if code == "unavailable" and CONNECT_FAILED.search(message):
        return Failure("store_unreachable", Proof.ATTEMPT_DEAD, message)
    if code == "deadline_exceeded" or (code == "cancelled" and _TIMED_OUT.search(message)):
        return Failure("timeout", Proof.NOTHING, message)
    if code == "unavailable":
        return Failure("connection_lost", Proof.NOTHING, message)
    if _TOO_LARGE.search(message):
        return Failure("message_too_large", Proof.NOTHING, message)
    return Failure(f"grpc_{code}", GRPC_STATUSES.get(code, Proof.NOTHING), message)


def failed(attempts: Sequence[Failure], *, write: bool) -> Result:
    """The answer for an operation whose last attempt ended so; ``attempts`` are all there were, in order."""
    last = attempts[-1]
    certain = last.proof is Proof.REQUEST_REFUSED or all(attempt.proof for attempt in attempts)
    outcome = Outcome.UNKNOWN if write and not certain else Outcome.FAILED
    return Result(outcome, error=last.name, detail=last.detail)


def snake_case(name: str) -> str:
    """``DeadlineExceeded``, ``DEADLINE_EXCEEDED`` → ``deadline_exceeded``."""
    if name.isupper():
        return name.lower()
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
