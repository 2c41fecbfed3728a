"""A cluster that keeps nothing and answers at once: a PD, and null stores behind it, in a process of their own.

What a client does against it is bounded by the client, or by the protocol: that is how the ceilings of ``ycsbpy
ceiling`` and of ``bench/bench_driver.py`` are measured. PD's part is the mini-cluster's service over a state that is
made up at the start; the stores are ``ycsbpy._native.nullstore``, one native thread for all of them (Linux only).

::

    with NullCluster(stores=3) as cluster:
        ycsbpy.run("workloada", properties={"tikv.pd": cluster.endpoint})

The process ends when its standard input does, so it cannot outlive its owner.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from ycsbpy.cluster.process import python_environment
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from ycsbpy._native.nullstore import NullStores
    from ycsbpy.minicluster.pd.state import ClusterState

__all__ = ["NullCluster"]

_STOP_S = 10.0


class NullCluster:
    """``stores`` null stores and a PD that has the keys cut evenly among them, each Region with one Peer.

    Every read finds a row of ``fieldcount`` fields of ``fieldlength`` bytes, every write succeeds. After ``drop_after``
    answers a store closes the connection, 0 for never. Commands in batches are answered ``delay_us`` later, an
    exponential time with a mean of ``mean_us`` more, and one in ``rare_every`` (0: none) ``rare_us`` more. Raises
    ``ClusterError`` where it cannot be started.
    """

    def __init__(
        self,
        *,
        stores: int = 1,
        fieldcount: int = 10,
        fieldlength: int = 100,
        drop_after: int = 0,
        delay_us: int = 0,
        mean_us: int = 0,
        rare_every: int = 0,
        rare_us: int = 0,
    ) -> None:
        self._arguments = [f"--{name}={value}" for name, value in locals().items() if name != "self"]
        self._process: subprocess.Popen[str] | None = None
        self.endpoint = ""
        """PD's HOST:PORT."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "ycsbpy.nullcluster", *self._arguments]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=python_environment(),
            start_new_session=True,
        )
        try:
            self.endpoint = self._ask("")["pd"]
        except ClusterError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=_STOP_S)
            process.kill()
            process.wait()

    def counts(self) -> dict[str, int]:
        """What the stores have done since the start: ``connections``, ``commands``, ``batches``, ``bytes_in``,
        ``bytes_out``, and ``cpu_ns``, which their process has used."""
        return self._ask("counts\n")

    def times(self) -> dict[str, int]:
        """How long the stores have held commands back since the last time this was asked, by their own clock, from
        having read them to writing the answer: ``count``, ``p50_ns``, ``p99_ns``, ``min_ns`` and ``max_ns``."""
        return self._ask("times\n")

    def _ask(self, question: str) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.write(question)
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise ClusterError("the null cluster's process has ended")
        found: dict[str, Any] = json.loads(line)
        return found


def main(argv: Sequence[str] | None = None) -> int:
    """Be the cluster's process: print where PD is, answer ``counts``, end with standard input."""
    parser = argparse.ArgumentParser(prog="python -m ycsbpy.nullcluster")
    numbers = ("delay_us", "mean_us", "rare_every", "rare_us")
    for name in ("stores", "fieldcount", "fieldlength", "drop_after", *numbers):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args(argv)
    from ycsbpy._native.generators import encode_row
    from ycsbpy._native.nullstore import NullStores

    fields = [f"field{number}" for number in range(given.fieldcount)]
    row = encode_row(
        dict.fromkeys(fields, b"n" * given.fieldlength), {name: place for place, name in enumerate(fields)}
    )
    rare = 1 / given.rare_every if given.rare_every else 0.0
    delay = (given.delay_us * 1000, given.mean_us * 1000, rare, given.rare_us * 1000 if rare else 0)
    stores = NullStores(given.stores, row, given.drop_after, delay)
    thread = threading.Thread(target=stores.run, daemon=True)
    thread.start()
    asyncio.run(_serve(stores))
    stores.stop()
    thread.join()
    return 0


async def _serve(stores: NullStores) -> None:
    from grpc import aio

    from ycsbpy.clock import SystemClock
    from ycsbpy.minicluster.pd.members import Members
    from ycsbpy.minicluster.pd.pdservice import PdService
    from ycsbpy.minicluster.pd.streams import HeartbeatStreams
    from ycsbpy.minicluster.rpc import Router, health_routes, server_options

    clock = SystemClock()
    state = _state(stores.ports, clock.wall_ns())
    server = aio.server(options=server_options())
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    members = Members("null", 1, address, "", "0", clock.wall_ns() // 1_000_000_000)
    service = PdService(state, members, HeartbeatStreams(state.cluster_id))
    server.add_generic_rpc_handlers((Router({**service.unary(), **health_routes()}, service.streams()),))
    await server.start()
    print(json.dumps({"pd": address}), flush=True)
    await asyncio.to_thread(_answer, stores)
    await server.stop(None)
    clock.close()


def _answer(stores: NullStores) -> None:
    import time

    for question in sys.stdin:
        answer = _times(stores) if question == "times\n" else {**stores.counts(), "cpu_ns": time.process_time_ns()}
        print(json.dumps(answer), flush=True)


def _times(stores: NullStores) -> dict[str, int]:
    from ycsbpy._native.recording import Recorder

    recorder = Recorder(1, 1, response=False)
    stores.merge_into(recorder)
    counts = recorder.take().get((0, 0, False))
    if counts is None:
        return dict.fromkeys(("count", "p50_ns", "p99_ns", "min_ns", "max_ns"), 0)
    return {
        "count": counts.total,
        "p50_ns": counts.value_at_percentile(50),
        "p99_ns": counts.value_at_percentile(99),
        "min_ns": counts.min_ns,
        "max_ns": counts.max_ns,
    }


def _state(ports: Sequence[int], wall_ns: int) -> ClusterState:
    """A cluster in which store n leads the n-th part of the table's keys, by their first digit."""
    from ycsbpy.clock import SystemClock
    from ycsbpy.minicluster.model import Epoch, Peer, Region, Store
    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.pd.state import ClusterState

    state = ClusterState(wall_ns | 1, SystemClock(), max_replicas=1)
    stores = [Store(place, f"127.0.0.1:{port}") for place, port in enumerate(ports, start=1)]
    state.bootstrap(stores[0], Region(10, peers=(Peer(11, 1),)))
    for store in stores[1:]:
        state.put_store(store)
    bounds = [b"", *_bounds(len(stores)), b""]
    for place, store in enumerate(stores):
        peer = Peer(100 + place, store.id)
        region = Region(10 + place, bounds[place], bounds[place + 1], Epoch(1, 2), (peer,))
        state.region_heartbeat(RegionInfo(region, peer))
    return state


def _bounds(stores: int) -> list[bytes]:
    """Keys of hashed numbers have first digits of 1 to 9, all equally often, and more digits behind it."""
    return [b"usertable:user" + f"{1 + 9 * place / stores:.6f}".replace(".", "").encode() for place in range(1, stores)]


if __name__ == "__main__":
    sys.exit(main())
