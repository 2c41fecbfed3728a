"""Does a sample follow a law? Pearson's test, without a statistics library.

A law is a list of probabilities, one for each bin; neighbouring bins are joined until each is expected to hold a
hundred of the sample. A true law is turned down once in a million runs, and since all samples come from fixed seeds, a
test that passes once passes always.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SIGNIFICANCE = 1e-6
EXPECTED_PER_BIN = 100


def p_value(chi_square: float, degrees: int) -> float:
    """Probability that a true law gives this chi-square or more: the upper incomplete gamma function Q(degrees / 2,
    chi_square / 2), by its series below the mean and its continued fraction (Lentz) above."""
    a, x = degrees / 2, chi_square / 2
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while term > total * 1e-16:
            n += 1
            term *= x / n
            total += term
        return 1 - total * scale
    b = x + 1 - a
    c, d = 1e300, 1 / b
    fraction = d
    for i in range(1, 10_000):
        b += 2
        d = 1 / (i * (a - i) * d + b)
        c = b + i * (a - i) / c
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return fraction * scale


def statistic(observed: Sequence[int], law: Sequence[float]) -> tuple[float, int]:
    """Chi-square and degrees of freedom of counts against probabilities, after bins have been joined."""
    assert len(observed) == len(law)
    assert abs(sum(law) - 1) < 1e-6, sum(law)
    size = sum(observed)
    joined: list[tuple[int, float]] = []
    count, expected = 0, 0.0
    for seen, probability in zip(observed, law, strict=True):
        count, expected = count + seen, expected + probability * size
        if expected >= EXPECTED_PER_BIN:
            joined.append((count, expected))
            count, expected = 0, 0.0
    if joined:
        last_count, last_expected = joined.pop()
        joined.append((last_count + count, last_expected + expected))
    assert len(joined) > 1, "too few bins to tell anything"
    return sum((seen - mean) ** 2 / mean for seen, mean in joined), len(joined) - 1


def follows(observed: Sequence[int], law: Sequence[float]) -> bool:
    return p_value(*statistic(observed, law)) > SIGNIFICANCE


def assert_follows(observed: Sequence[int], law: Sequence[float], *controls: Sequence[float]) -> None:
    """The sample follows the law and, so that this means something, none of the controls."""
    assert follows(observed, law), statistic(observed, law)
    for number, control in enumerate(controls):
        assert not follows(observed, control), f"control {number} is not told apart: {statistic(observed, control)}"


def histogram(sample: Iterable[int], bins: int) -> list[int]:
    """How often each of 0 … bins - 1 occurs; anything else is an error."""
    counts = [0] * bins
    for value in sample:
        assert value >= 0
        counts[value] += 1
    return counts


# -- the laws --


def zipf_sum(n: int, theta: float) -> float:
    """1^-theta + … + n^-theta: the head term by term, the tail by Euler and Maclaurin."""
    head = min(n, 1000)
    total = math.fsum(k**-theta for k in range(1, head + 1))
    if n > head:
        total += (n ** (1 - theta) - head ** (1 - theta)) / (1 - theta)
        total += (n**-theta - head**-theta) / 2
        total -= theta * (n ** (-theta - 1) - head ** (-theta - 1)) / 12
    return float(total)


def rank_edges(n: int) -> list[int]:
    """Ranks at which bins start: each of the first fifty alone, then ever more together, and the end."""
    edges, edge = [], 1
    while edge <= n:
        edges.append(edge)
        edge += max(1, edge // 25)
    return [*edges, n + 1]


def zipf_law(n: int, theta: float, edges: Sequence[int]) -> list[float]:
    """Probability that a Zipf rank of 1 … n is in each bin [edge, next edge)."""
    whole = zipf_sum(n, theta)
    return [(zipf_sum(end - 1, theta) - zipf_sum(start - 1, theta)) / whole for start, end in pairwise(edges)]


def uniform_law(bins: int) -> list[float]:
    return [1 / bins] * bins
