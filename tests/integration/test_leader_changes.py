"""Unmodified clients, all their raw calls, while the Regions' leaders move from store to store and stores are killed.

Each client goes round and round: it writes rows to three Regions and checks by every kind of read that exactly these
are there (``turns``).
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import TYPE_CHECKING, Any, Self

import pytest
import tikv
from pdhelp import pd_get, still_leaders, transfer_leader
from processes import no_traceback
from turns import persist, turn_of_tikv_client, turn_of_tikv_python

from ycsbpy.errors import ClusterError
from ycsbpy.minicluster import MiniCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANGES = 12
"""Leader changes that a client has to live through."""

PATIENCE_S = 60.0
MOVE_S = 0.2


@pytest.fixture(scope="module")
def three() -> Iterator[MiniCluster]:
    """Three replicas of three Regions, which meet at ``b`` and ``m``."""
    with MiniCluster(split_keys=[b"b", b"m"], region_heartbeat_s=1.0) as cluster:
        cluster.wait_replicated(60.0)
        still_leaders(cluster.pd_address)
        yield cluster
        no_traceback(cluster)


class Unrest:
    """A context in which leaders change ``CHANGES`` times; ``changes`` counts, and it ends with everything healed."""

    def __init__(self, cluster: MiniCluster, kind: str) -> None:
        self._cluster = cluster
        self._change = {"moved": self._move, "killed": self._kill}[kind]
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._errors: list[BaseException] = []
        self._turn = itertools.count(1)
        self.changes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end.set()
        self._thread.join()
        self._cluster.wait_replicated(PATIENCE_S)
        assert self._errors == []

    def _run(self) -> None:
        try:
            # Not beyond them: a client whose every try meets another killed store would never come to an end.
            while self.changes < CHANGES and not self._end.wait(MOVE_S):
                self._change()
        except (AssertionError, OSError, ClusterError) as error:
            self._errors.append(error)
            self.changes = CHANGES  # whoever waits for changes need not

    def _move(self) -> None:
        turn = next(self._turn)
        for region in pd_get(self._cluster.pd_address, "/regions")["regions"]:
            stores = sorted(peer["store_id"] for peer in region["peers"])
            transfer_leader(self._cluster.pd_address, region["id"], stores[(turn + region["id"]) % len(stores)])
            self.changes += 1

    def _kill(self) -> None:
        regions = pd_get(self._cluster.pd_address, "/regions")["regions"]
        victim = regions[next(self._turn) % len(regions)]["leader"]["store_id"]
        place = next(place for place, store in enumerate(self._cluster.stores) if store.id == victim)
        self._cluster.kill_store(place)
        self._cluster.restart_store(place)
        self._cluster.wait_replicated(PATIENCE_S)
        self.changes += 4  # costs as much time as four moves


@pytest.mark.parametrize("kind", ["moved", "killed"])
def test_every_call_of_tikv_client(three: MiniCluster, kind: str) -> None:
    tikv_client = pytest.importorskip("tikv_client.asynchronous", reason="its wheels are for CPython 3.11").RawClient

    async def test() -> None:
        client = await tikv_client.connect([three.pd_address])
        with Unrest(three, kind) as unrest:
            turn = 0
            while unrest.changes < CHANGES or turn < 2:
                turn += 1
                await turn_of_tikv_client(client, turn)
        await turn_of_tikv_client(client, turn + 1)

    asyncio.run(test())


class Blocking:
    """A blocking client in an asynchronous one's clothes: its coroutines never wait, they block."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            return getattr(self._inner, name)(*arguments)

        return call


def test_every_blocking_call_of_tikv_client(three: MiniCluster) -> None:
    """The client takes the thread's loop and runs it for each call, so the test must not be in one itself."""
    raw_client = pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11").RawClient
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        client = Blocking(raw_client.connect([three.pd_address]))
        with Unrest(three, "moved") as unrest:
            turn = 5000
            while unrest.changes < CHANGES or turn < 5002:
                turn += 1
                with pytest.raises(StopIteration):  # which is how a coroutine ends that never waits
                    turn_of_tikv_client(client, turn).send(None)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


# ---- tikv-python ----


@pytest.mark.parametrize("kind", ["moved", "killed"])
def test_every_call_of_tikv_python(three: MiniCluster, kind: str) -> None:
    async def test() -> None:
        async with tikv.AsyncRawClient(three.pd_address, timeout=20.0) as client:
            with Unrest(three, kind) as unrest:
                turn = 0
                while unrest.changes < CHANGES or turn < 2:
                    turn += 1
                    await turn_of_tikv_python(client, turn)

    asyncio.run(test())


def test_swaps_of_tikv_python_happen_once(three: MiniCluster) -> None:
    """A counter has counted every swap that succeeded, and of those whose end is unknown at most all."""

    async def test() -> None:
        key, known, unknown = b"counter", 0, 0
        async with tikv.AsyncRawClient(three.pd_address, atomic=True, timeout=20.0) as client:
            await persist(lambda: client.put(key, b"0"), tikv.TiKVError)
            with Unrest(three, "moved") as unrest:
                while unrest.changes < CHANGES or known < 100:
                    value = await persist(lambda: client.get(key), tikv.TiKVError)
                    try:
                        result = await client.compare_and_swap(key, value, b"%d" % (int(value) + 1))
                    except tikv.UndeterminedError:
                        unknown += 1
                        continue
                    except tikv.TiKVError:  # it was not done
                        continue
                    known += result.swapped
            count = int(await persist(lambda: client.get(key), tikv.TiKVError) or b"")
        assert known <= count <= known + unknown

    asyncio.run(test())
