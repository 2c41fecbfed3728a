"""Settings that are out of range or clash are refused, and the message says which."""

from __future__ import annotations

from typing import Any

import pytest

from ycsbpy.minicluster.raft import Config, RaftConfigError, ReadOnlyOption

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"id": 0}, "id must be positive, not 0"),
    ({"heartbeat_tick": 0}, "heartbeat_tick must be at least 1, not 0"),
    ({"max_inflight_msgs": 0}, "max_inflight_msgs must be at least 1, not 0"),
    ({"tick_ns": -1}, "tick_ns must not be negative, but is -1"),
    ({"election_tick": 2}, r"election_tick \(2\) must be greater than heartbeat_tick \(2\)"),
    ({"min_election_tick": 5}, r"min_election_tick \(5\) must not be less than election_tick \(10\)"),
    ({"max_election_tick": 10}, r"max_election_tick \(10\) must be greater than min_election_tick \(10\)"),
    ({"max_uncommitted_size": 1}, r"max_uncommitted_size \(1\) must not be less than max_size_per_msg \(1048576\)"),
    ({"lease_ns": 1}, r"lease_ns \(1\) needs tick_ns"),
    ({"lease_ns": 901, "tick_ns": 100}, r"lease_ns \(901\) must not be more than 900"),
    ({"tick_ns": 1, "check_quorum": False}, "needs check_quorum"),
    ({"read_only_option": ReadOnlyOption.LEASE_BASED}, "LEASE_BASED needs tick_ns"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED, ids=[next(iter(one)) for one, _ in REFUSED])
def test_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RaftConfigError, match=message):
        Config(**{"id": 1, **settings})


def test_a_lease_is_shorter_than_the_voters_promise() -> None:
    config = Config(1, tick_ns=100)
    assert config.longest_lease_ns == 900
    assert config.lease_duration_ns == 810
    assert Config(1, tick_ns=100, lease_ns=900).lease_duration_ns == 900
    assert Config(1).lease_duration_ns == 0
