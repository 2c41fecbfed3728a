"""Until when a leader may trust itself."""

from __future__ import annotations

from ycsbpy.minicluster.raft.lease import Lease


def test_it_counts_from_when_the_message_was_sent() -> None:
    lease = Lease(100)
    assert not lease.holds(0)
    lease.round_sent(1, 1000)
    lease.rounds_acked(1)
    assert lease.holds(1099)
    assert not lease.holds(1100)


def test_an_older_answer_does_not_shorten_it() -> None:
    lease = Lease(100)
    lease.entry_sent(7, 1000)
    lease.round_sent(1, 1050)
    lease.rounds_acked(1)
    lease.entries_acked(7)
    assert lease.expires_at == 1150


def test_what_was_sent_before_it_became_suspect_does_not_renew_it() -> None:
    lease = Lease(100)
    lease.round_sent(1, 1000)
    lease.suspect()
    lease.rounds_acked(1)
    assert not lease.holds(1001)


def test_given_up_it_waits_for_the_next_term() -> None:
    lease = Lease(100)
    lease.give_up()
    lease.round_sent(1, 1000)
    lease.rounds_acked(1)
    assert not lease.holds(1001)
    lease.reset()
    lease.round_sent(2, 1000)
    lease.rounds_acked(2)
    assert lease.holds(1001)


def test_no_duration_is_no_lease() -> None:
    lease = Lease(0)
    lease.round_sent(1, 1000)
    lease.rounds_acked(1)
    assert not lease.holds(0)
