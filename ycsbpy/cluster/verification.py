"""The verdicts as a program asks for them: one call, on any cluster that has a PD, started by whomever.

    from ycsbpy.cluster import Playground, verify_balance, verify_replication

    with Playground(kv=3) as playground:
        assert verify_replication(playground.endpoints, timeout_s=60).good
        new = [one.store_id for one in playground.scale_out(2)]
        judged = verify_balance(playground.endpoints, new_stores=new)
        print(judged.why or "balanced", judged.verdict.spreads)

A bad verdict is no exception: ``Judged`` says what is wrong (``why``), what may be in the way (``verdict.hints``) and
what was seen (``picture``). ``ClusterError`` is raised where PD cannot be asked.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.picture import take_picture
from ycsbpy.cluster.verdict import balance, replication
from ycsbpy.cluster.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ycsbpy.cluster.picture import Picture
    from ycsbpy.cluster.verdict import Verdict
    from ycsbpy.cluster.waiting import Judged

__all__ = ["BALANCED_WITHIN_S", "REST_S", "STABLE_S", "verify_balance", "verify_replication"]

BALANCED_WITHIN_S = 300.0
STABLE_S = 10.0
REST_S = 60.0
"""A PD that has let everything be for so long will not balance any more: where it has anything to do, it begins within
seconds."""


def verify_replication(
    pd: PdHttp | Sequence[str],
    *,
    timeout_s: float = 0.0,
    progress: Callable[[Picture, Verdict], None] = lambda _picture, _verdict: None,
) -> Judged:
    """Whether every Region has max-replicas voters on distinct stores that are Up, a leader, and nothing left over.

    ``pd`` is a playground's ``endpoints``, or any PD's addresses (host:port). It is waited for ``timeout_s`` seconds;
    0 looks once.
    """
    return wait_for(_looking(pd), replication, timeout_s=timeout_s, progress=progress)


def verify_balance(
    pd: PdHttp | Sequence[str],
    *,
    new_stores: Collection[int] = (),
    tolerance: float | None = None,
    timeout_s: float = BALANCED_WITHIN_S,
    stable_s: float = STABLE_S,
    rest_s: float = math.inf,
    progress: Callable[[Picture, Verdict], None] = lambda _picture, _verdict: None,
) -> Judged:
    """Whether PD has spread the Regions and has nothing more to do, and that for ``stable_s`` seconds.

    ``new_stores`` are the ids of stores that have to hold Regions by then; ``tolerance`` is the largest difference of
    Region counts between stores that is fine, as a share of their mean (by default any is: PD balances by its own
    score). It is waited for ``timeout_s`` seconds, and given up before that when nothing has moved for ``rest_s``.
    """

    def judge(picture: Picture) -> Verdict:
        return balance(picture, new_stores=new_stores, tolerance=tolerance)

    return wait_for(
        _looking(pd), judge, timeout_s=max(timeout_s, stable_s), stable_s=stable_s, rest_s=rest_s, progress=progress
    )


def _looking(pd: PdHttp | Sequence[str]) -> Callable[[], Picture]:
    http = pd if isinstance(pd, PdHttp) else PdHttp(tuple(pd))
    return lambda: take_picture(http)
