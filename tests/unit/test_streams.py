"""The heartbeat streams by which PD reaches its stores."""

from __future__ import annotations

import asyncio

from ycsbpy.minicluster.pd.streams import HeartbeatStream, HeartbeatStreams
from ycsbpy.proto import pdpb_pb2 as pdpb

COMMAND = pdpb.RegionHeartbeatResponse(region_id=2)


def sent(stream: HeartbeatStream, count: int) -> list[bytes]:
    async def collect() -> list[bytes]:
        messages: list[bytes] = []
        done = asyncio.Event()

        async def write(message: bytes) -> None:
            messages.append(message)
            if len(messages) >= count:
                done.set()

        sender = asyncio.ensure_future(stream.send_to(write))
        await done.wait()
        sender.cancel()
        return messages

    return asyncio.run(collect())


def test_a_command_goes_to_the_stream_on_which_the_store_last_reported() -> None:
    streams = HeartbeatStreams(77)
    old, new = streams.open(), streams.open()
    assert not streams.send(1, COMMAND)
    binds = [(1, old), (1, old), (1, new), (2, new), (1, new), (1, old), (1, new)]
    assert [streams.bind(store, stream) for store, stream in binds] == [True, False, True, True, False, False, False]
    assert streams.send(1, COMMAND)
    streams.close(old)  # the old stream's end does not take the new one along
    assert streams.send(1, COMMAND)
    assert sent(new, 2) == [COMMAND.SerializeToString()] * 2
    streams.close(new)
    assert not streams.send(1, COMMAND)


def test_a_store_that_does_not_read_costs_a_bounded_queue() -> None:
    stream = HeartbeatStream(b"")
    for _ in range(HeartbeatStream.MAX_QUEUED + 10):
        stream.put(b"x")
    assert len(sent(stream, HeartbeatStream.MAX_QUEUED)) == HeartbeatStream.MAX_QUEUED


def test_silence_is_broken_by_a_header() -> None:
    stream = HeartbeatStreams(77).open()
    stream.KEEP_ALIVE_S = 0.0
    response = pdpb.RegionHeartbeatResponse.FromString(sent(stream, 1)[0])
    assert (response.header.cluster_id, response.region_id) == (77, 0)
