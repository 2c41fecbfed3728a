"""The native engine against a store whose HTTP/2 goes wrong in the middle of a batch: resets, goodbyes, half frames."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from h2store import FAULTS, H2Store
from scripted_cluster import ScriptedCluster

from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN
from ycsbpy.ops import OpKind, Outcome

if sys.platform == "linux":
    from enginekit import run_engine, source_of
else:
    pytest.skip("the native engine is for Linux", allow_module_level=True)

if TYPE_CHECKING:
    from enginekit import Ended

COUNT, CLIENTS = 200, 8
OK, UNKNOWN = (OpKind.INSERT, Outcome.OK), (OpKind.INSERT, Outcome.UNKNOWN)


def inserts(fault: str, **arguments: Any) -> tuple[Ended, H2Store]:
    async def test() -> tuple[Ended, H2Store]:
        async with ScriptedCluster() as cluster, asyncio.timeout(60):
            store = H2Store(fault)
            await store.start()
            await cluster.relays[1].stop()
            cluster.relays[1] = store  # type: ignore[assignment]  # PD names it from now on
            arguments.update(count=COUNT, clients=CLIENTS, timeout_ns=30_000_000_000)
            ended = await asyncio.to_thread(run_engine, cluster.pd, source_of(insertproportion=1), **arguments)
            return ended, store

    return asyncio.run(test())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_load_writes_again_what_was_lost(fault: str) -> None:
    ended, store = inserts(fault, domain=DOMAIN_LOAD, repeats_writes=True)
    assert ended.counts == {OK: COUNT}
    assert ended.errors == []
    assert store.connections == 2
    assert ended.totals["requests"] == COUNT + sum(ended.attempts.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_does_not_and_says_what_is_unknown(fault: str) -> None:
    """At most as much as was under way; what the store has answered is not among it."""
    ended, store = inserts(fault, domain=DOMAIN_RUN)
    assert sum(ended.counts.values()) == COUNT
    assert set(ended.counts) <= {OK, UNKNOWN}
    assert ended.counts[UNKNOWN] <= CLIENTS
    assert ended.counts[OK] >= store.done
    if fault == "GOAWAY, answered":
        assert ended.counts[OK] == COUNT
        assert ended.attempts == {}
    else:
        assert ended.counts[UNKNOWN] > 0
        assert sum(ended.attempts.values()) == ended.counts[UNKNOWN]
