"""Transactions and coprocessors, which a mini-cluster has not: each call is refused in words.

An answer with an error ends the client's call at once. UNIMPLEMENTED, which is what a gRPC server says by itself, would
make clients believe that the store is out of reach, and try again for as long as they may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.store import encoding

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BATCH_REFUSALS", "UNARY_REFUSALS"]

TEXT = "the mini-cluster has raw key-value calls only, no transactions"
COPROCESSOR_TEXT = "the mini-cluster has raw key-value calls only, no coprocessor"


def _key_error(field: int) -> bytes:
    return encoding.key_error_field(field, TEXT)


def _text(field: int, text: str = TEXT) -> bytes:
    return encoding.bytes_field(encoding.tag(field), text.encode())


def _by_answer(name: Callable[[str], str]) -> dict[str, bytes]:
    table = {name("Scan"): _key_error(3), name("BatchGet"): _key_error(5)}
    for command in (
        "Get",
        "Prewrite",
        "Commit",
        "Cleanup",
        "BatchRollback",
        "ScanLock",
        "ResolveLock",
        "GC",
        "PessimisticLock",
        "PessimisticRollback",
        "CheckTxnStatus",
        "TxnHeartBeat",
        "CheckSecondaryLocks",
        "Flush",
        "BufferBatchGet",
    ):
        table[name(command)] = _key_error(2)
    for command in ("Import", "DeleteRange", "FlashbackToVersion", "PrepareFlashbackToVersion"):
        table[name(command)] = _text(2)
    return table


BATCH_REFUSALS: dict[str, bytes] = {
    **_by_answer(lambda command: command),
    "Coprocessor": _text(4, COPROCESSOR_TEXT),
    "RawCoprocessor": _text(2, COPROCESSOR_TEXT),
    "BroadcastTxnStatus": b"",
}
"""Command of a batch → the body of its answer."""

UNARY_REFUSALS: dict[str, bytes] = {
    **_by_answer(lambda command: "KVPessimisticRollback" if command == "PessimisticRollback" else f"Kv{command}"),
    "Coprocessor": _text(4, COPROCESSOR_TEXT),
    "RawCoprocessor": _text(2, COPROCESSOR_TEXT),
    "BroadcastTxnStatus": b"",
}
"""Method → the body of its answer."""
