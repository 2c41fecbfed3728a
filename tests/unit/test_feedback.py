"""One word on the store's health a second."""

from __future__ import annotations

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.store.feedback import HealthReporter
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.testing import VirtualClock


def test_reports_are_numbered_and_come_once_a_second() -> None:
    clock = VirtualClock()
    health = HealthReporter(4, clock)
    first = kvrpcpb.HealthFeedback.FromString(health.due())
    assert (first.store_id, first.feedback_seq_no, first.slow_score) == (4, 1, 1)
    assert health.due() == b""
    clock.advance(NS_PER_SECOND - 1)
    assert health.due() == b""
    clock.advance(1)
    assert kvrpcpb.HealthFeedback.FromString(health.due()).feedback_seq_no == 2
    assert kvrpcpb.HealthFeedback.FromString(health.now()).feedback_seq_no == 3
