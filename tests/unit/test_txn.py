"""Transactions are refused where a client looks for it."""

from __future__ import annotations

import pytest

from ycsbpy.minicluster.store.txn import BATCH_REFUSALS, UNARY_REFUSALS
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import storepb_pb2 as storepb

OTHERS = {"Empty", "GetHealthFeedback"}


def test_every_command_that_is_not_raw_has_its_refusal() -> None:
    commands = {field.name for field in storepb.BatchRequest.Command.DESCRIPTOR.fields}
    raw = {name for name in commands if name.startswith("Raw") and name != "RawCoprocessor"}
    assert BATCH_REFUSALS.keys() == commands - raw - OTHERS
    assert len(UNARY_REFUSALS) == len(BATCH_REFUSALS)


def test_the_names_of_the_methods_are_tikvs() -> None:
    assert {"KvGet", "KvPrewrite", "KVPessimisticRollback", "KvGC", "Coprocessor"} <= UNARY_REFUSALS.keys()


@pytest.mark.parametrize(("command", "field"), [("Get", 2), ("Prewrite", 2), ("Scan", 3), ("BatchGet", 5)])
def test_a_refusal_is_a_key_error_that_says_abort(command: str, field: int) -> None:
    body = BATCH_REFUSALS[command]
    assert body[0] == field << 3 | 2
    assert "no transactions" in kvrpcpb.KeyError.FromString(body[2:]).abort
