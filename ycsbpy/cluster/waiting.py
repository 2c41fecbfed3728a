"""Waiting for a verdict: look again and again until it is good, and has been so for a while, or the time is over.

Clock and sleep are handed in, so that nobody sleeps in tests.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.cluster.picture import Picture
    from ycsbpy.cluster.verdict import Verdict

__all__ = ["Judged", "wait_for"]


@dataclass(frozen=True, slots=True)
class Judged:
    """The last look. ``stable`` is whether it was good for as long as was asked; times are in seconds.

    ``at_rest_s`` is how long nothing had moved and PD had no operator when it was given up for that, else 0.
    """

    picture: Picture
    verdict: Verdict
    stable: bool
    waited_s: float
    at_rest_s: float = 0.0

    @property
    def good(self) -> bool:
        """Good, and for long enough."""
        return self.verdict.good and self.stable

    @property
    def why(self) -> str:
        """What is wrong, in a sentence; empty where nothing is."""
        if self.good:
            return ""
        if not self.verdict.findings:
            return "it did not stay so for long enough"
        rest = f", and nothing has moved for {self.at_rest_s:.0f} s" if self.at_rest_s else ""
        return self.verdict.findings[0].text + rest


def wait_for(
    look: Callable[[], Picture],
    judge: Callable[[Picture], Verdict],
    *,
    timeout_s: float,
    stable_s: float = 0.0,
    rest_s: float = math.inf,
    every_s: float = 0.5,
    progress: Callable[[Picture, Verdict], None] = lambda _picture, _verdict: None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Judged:
    """Look until the verdict is good and nothing has moved for ``stable_s``, at most ``timeout_s``; at least once.

    A verdict that is not good is given up before that when nothing has moved for ``rest_s`` and PD has no operator.
    A PD that does not answer for a moment is asked again; raises ``ClusterError`` if it does not answer in the end.
    """
    begun = moved_at = now()
    good_since: float | None = None
    print_before: object = None
    last: Judged | None = None
    while True:
        problem: ClusterError | None = None
        try:
            picture = look()
        except ClusterError as error:
            problem, good_since = error, None
        else:
            verdict = judge(picture)
            moved = picture.fingerprint() != print_before
            print_before = picture.fingerprint()
            if moved or picture.operators:
                moved_at = now()
            if not verdict.good:
                good_since = None
            elif good_since is None or moved:
                good_since = now()
            stable = good_since is not None and now() - good_since >= stable_s
            last = Judged(picture, verdict, stable, now() - begun)
            progress(picture, verdict)
            if last.good:
                return last
            if not verdict.good and now() - moved_at >= rest_s:
                return replace(last, at_rest_s=now() - moved_at)
        left = timeout_s - (now() - begun)
        if left <= 0:
            if problem is not None or last is None:
                raise problem or ClusterError("PD does not answer")
            return last
        sleep(min(every_s, left))
