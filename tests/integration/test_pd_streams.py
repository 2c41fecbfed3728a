"""Commands and heartbeat streams: a store that opens a new stream gets what was lost with the old one."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any, Self

from pdkit import STORE, lone_region, running_pd
from rawclient import RawClient

from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Stream:
    """A heartbeat stream of store 1, which leads all Regions."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self._reports: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answers = client.pd_channel.stream_stream("/pdpb.PD/RegionHeartbeat")(self._sent(), timeout=120)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reports.put(None)
        self._answers.cancel()

    def _sent(self) -> Iterator[bytes]:
        while (data := self._reports.get()) is not None:
            yield data

    def report(self, region: metapb.Region) -> None:
        header = self._client.header()
        request = pdpb.RegionHeartbeatRequest(header=header, region=region, leader=region.peers[0], term=6)
        self._reports.put(request.SerializeToString())

    def commands(self, *region_ids: int) -> dict[int, Any]:
        """The first change of peers for each of these Regions."""
        found: dict[int, Any] = {}
        while found.keys() < set(region_ids):
            command = pdpb.RegionHeartbeatResponse.FromString(next(self._answers))
            assert not command.header.HasField("error")
            if command.HasField("change_peer_v2"):
                found.setdefault(command.region_id, command.change_peer_v2.changes[0])
        return found


def test_a_step_outlives_the_stream_on_which_it_was_sent(tmp_path: Path) -> None:
    epoch = metapb.RegionEpoch(conf_ver=1, version=2)
    peers = [[metapb.Peer(id=region_id + 1, store_id=1)] for region_id in (2, 4)]
    left = metapb.Region(id=2, end_key=b"m", region_epoch=epoch, peers=peers[0])
    right = metapb.Region(id=4, start_key=b"m", region_epoch=epoch, peers=peers[1])
    with running_pd(tmp_path) as address, RawClient(address) as client:
        client.pd("Bootstrap", store=STORE, region=lone_region())
        client.pd("ReportBatchSplit", regions=[left, right])
        for number in (1, 2, 3):
            store = metapb.Store(id=10 * number, address=f"127.0.0.1:{number}", version="8.5.0")
            for each in (STORE, store):
                client.pd("PutStore", store=each)
                stats = pdpb.StoreStats(store_id=each.id, capacity=1 << 40, available=1 << 40)
                client.pd("StoreHeartbeat", stats=stats)
        with Stream(client) as stream:
            stream.report(left)
            stream.report(right)
            first = stream.commands(2, 4)
        with Stream(client) as stream:
            stream.report(left)  # the other Region has nothing to say for a minute
            again = stream.commands(2, 4)
        with Stream(client) as old, Stream(client) as new:
            old.report(right)
            old.commands(4)
            new.report(right)
            assert new.commands(2, 4) == again == first
    assert {each.change_type for each in first.values()} == {pdpb.AddLearnerNode}
