"""Single operations on their way to a file: every one of them, in order, whoever waits for whom."""

from __future__ import annotations

import threading

import pytest
from processes import until

from ycsbpy._native.recording import Recorder, SampleQueue

NAMES = [
    [("READ", "OK", True), ("READ", "FAILED", False)],
    [("UPDATE", "OK", True), ("", "FAILED", False)],
]
BLOCK, BOUND = 4096, 256
NO_WAIT = 0


def queue(*, wide: bool = False, totals: bool = False, paced: bool = False, offset_ns: int = 0) -> SampleQueue:
    made = SampleQueue(NAMES, wide=wide, totals=totals)
    made.begin(offset_ns, paced=paced)
    return made


def lines(taken: bytes | None) -> list[str]:
    assert taken is not None
    return taken.decode().splitlines()


def test_lines_are_what_was_recorded() -> None:
    samples = queue(offset_ns=1_000_000_000)
    recorder = Recorder(2, 2, response=False, samples=samples)
    recorder.record(0, 0, 0, 5_000, 9_999)
    recorder.record(1, 0, 0, 7_000, 1_007_000)
    recorder.record(0, 1, 0, 8_000, 9_000)
    recorder.record(1, 1, 0, 8_000, 9_000)  # has no name
    assert samples.take(NO_WAIT) == b""  # still with the recorder
    recorder.flush_samples()
    assert samples.header == "operation,timestamp_us,latency_us\n"
    assert lines(samples.take(NO_WAIT)) == ["READ,1000005,4", "UPDATE,1000007,1000", "READ,1000008,1"]


@pytest.mark.parametrize(("paced", "response"), [(True, "8"), (False, "")])
def test_the_wide_form_tells_the_response_time_and_the_outcome(paced: bool, response: str) -> None:
    samples = queue(wide=True, paced=paced)
    recorder = Recorder(2, 2, response=paced, samples=samples)
    recorder.record(0, 1, 2_000, 5_000, 10_000)
    recorder.flush_samples()
    assert samples.header == "operation,timestamp_us,latency_us,response_us,outcome\n"
    assert lines(samples.take(NO_WAIT)) == [f"READ,5,5,{response},FAILED"]


def test_totals_repeat_what_counts_there() -> None:
    samples = queue(totals=True)
    recorder = Recorder(2, 2, response=False, samples=samples)
    recorder.record(0, 0, 0, 1_000, 2_000)
    recorder.record(0, 1, 0, 3_000, 5_000)
    recorder.flush_samples()
    assert lines(samples.take(NO_WAIT)) == ["READ,1,1", "TOTAL,1,1", "READ,3,2"]


def test_full_blocks_go_by_themselves() -> None:
    samples = queue()
    recorder = Recorder(2, 2, response=False, samples=samples)
    for number in range(BLOCK + 1):
        recorder.record(0, 0, 0, number * 1000, number * 1000)
    assert len(lines(samples.take(NO_WAIT))) == BLOCK
    recorder.flush_samples()
    assert lines(samples.take(NO_WAIT)) == [f"READ,{BLOCK},0"]


def test_a_full_queue_makes_them_wait_and_nothing_is_lost() -> None:
    samples = queue()
    recorder = Recorder(2, 2, response=False, samples=samples)
    wanted = (BOUND + 2) * BLOCK
    done = threading.Event()

    def record() -> None:
        for number in range(wanted):
            recorder.record(0, 0, 0, number * 1000, number * 1000)
        done.set()

    threading.Thread(target=record, daemon=True).start()
    assert until(lambda: recorder.recorded >= BOUND * BLOCK, 60)
    assert not done.is_set()
    assert recorder.recorded == BOUND * BLOCK  # it stands still: the queue takes no more
    first = lines(samples.take(NO_WAIT))
    assert until(done.is_set, 60)
    recorder.flush_samples()
    found = first + lines(samples.take(NO_WAIT))
    assert found == [f"READ,{number},0" for number in range(wanted)]
    assert samples.held_up_ns > 0


def test_a_closed_queue_lets_everybody_go() -> None:
    samples = queue()
    recorder = Recorder(2, 2, response=False, samples=samples)
    samples.close()
    for _ in range((BOUND + 1) * BLOCK):
        recorder.record(0, 0, 0, 0, 0)
    assert len(lines(samples.take(NO_WAIT))) == (BOUND + 1) * BLOCK
    assert samples.take(NO_WAIT) is None


def test_names_have_as_many_outcomes_for_each_kind() -> None:
    with pytest.raises(ValueError, match="as many outcomes"):
        SampleQueue([[("A", "OK", True)], []], wide=False, totals=False)
