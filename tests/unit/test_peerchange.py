"""What changes of Peers make of a Region, as tables: roles by letter, and conf_ver."""

from __future__ import annotations

import pytest

from ycsbpy.minicluster.model import Epoch, Peer, Region, Role
from ycsbpy.minicluster.peerchange import PeerChange, change_peers, conf_state_of
from ycsbpy.minicluster.raft import ConfChangeType

ROLES = dict(zip("VLID", Role, strict=True))
TYPES = {"+": ConfChangeType.ADD_NODE, "~": ConfChangeType.ADD_LEARNER_NODE, "-": ConfChangeType.REMOVE_NODE}


def region(text: str, conf_ver: int = 5) -> Region:
    """``"1V 2L"``: peer 1 on store 1, a voter, and peer 2 on store 2, a learner."""
    peers = tuple(Peer(int(word[:-1]), int(word[:-1]), ROLES[word[-1]]) for word in text.split())
    return Region(2, epoch=Epoch(conf_ver, 7), peers=peers)


def changes(text: str) -> list[PeerChange]:
    """``"+4 ~1"``: add 4 as a voter, make 1 a learner."""
    return [PeerChange(TYPES[word[0]], Peer(int(word[1:]), int(word[1:]))) for word in text.split()]


@pytest.mark.parametrize(
    ("before", "change", "after", "conf_ver"),
    [
        ("1V", "~2", "1V 2L", 6),
        ("1V 2L", "+2", "1V 2V", 6),
        ("1V", "+2", "1V 2V", 6),
        ("1V 2V", "~2", "1V 2L", 6),
        ("1V 2L", "-2", "1V", 6),
        ("1V 2V 3V", "-3", "1V 2V", 6),
        ("1V 2V 3V 4L", "+4 ~3", "1V 2V 3D 4I", 7),
        ("1V 2V 3D 4I", "", "1V 2V 3L 4V", 7),
        ("1V 2V 3V", "+4 ~3", "1V 2V 3D 4I", 7),
        ("1V 2V 3L", "~4 -3", "1V 2V 4L", 7),
    ],
)
def test_changes(before: str, change: str, after: str, conf_ver: int) -> None:
    assert change_peers(region(before), changes(change)) == region(after, conf_ver)


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("1V", ""),
        ("1V 2D 3I", "~4"),
        ("1V 2V", "+2"),
        ("1V 2L", "~2"),
        ("1V", "-2"),
        ("1V 2V 3V", "-3 +4"),
        ("1V 2L", "+2 -2"),
    ],
)
def test_what_is_not_allowed(before: str, change: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        change_peers(region(before), changes(change))


def test_the_groups_configuration() -> None:
    assert conf_state_of(region("1V 2L")).voters == (1,)
    joint = conf_state_of(region("1V 2V 3D 4I 5L"))
    assert (joint.voters, joint.voters_outgoing) == ((1, 2, 4), (1, 2, 3))
    assert (joint.learners, joint.learners_next) == ((5,), (3,))
