"""What PD's configuration takes, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from ycsbpy.minicluster.pd.configuration import Configuration, ConfigurationError, duration_text, parse_duration
from ycsbpy.minicluster.placement.schedule import QUICK


@pytest.fixture
def configuration() -> Configuration:
    return Configuration(None, QUICK, 3)


def test_durations() -> None:
    for text, seconds in (("1h30m0s", 5400.0), ("10ms", 0.01), ("2m5s", 125.0)):
        assert parse_duration(text) == seconds
        assert duration_text(seconds) == text
    wrong: Any
    for wrong in ("", "5", "s", "1x", "-1s", 5, None, "9" * 400 + "h", "2562048h"):
        with pytest.raises(ConfigurationError, match="invalid duration"):
            parse_duration(wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max-snapshot-count", 10**400),
        ("max-snapshot-count", 1.5),
        ("max-snapshot-count", True),
        ("tolerant-size-ratio", float("inf")),
        ("tolerant-size-ratio", float("nan")),
        ("tolerant-size-ratio", 1e300),
        ("tolerant-size-ratio", [1]),
        ("max-store-down-time", 5),
        ("max-store-down-time", "9" * 400 + "h"),
        ("max-replicas", 0),
        ("location-labels", 5),
        ("enable-joint-consensus", "yes"),
        ("paused-schedulers", 5),
        ("paused-schedulers", [5]),
        ("balance-leader-scheduler.batch", 0),
        ("balance-leader-scheduler.batch", 101),
        ("no-such-item", 1),
    ],
)
def test_what_is_not_taken_changes_nothing(configuration: Configuration, name: str, value: Any) -> None:
    before = configuration.schedule
    with pytest.raises(ConfigurationError):
        configuration.change({"leader-schedule-limit": 9, name: value})
    assert configuration.schedule is before
