"""PD's configuration as its HTTP interface shows and takes it: flat names, durations as Go has them, booleans as text.

What has an effect here is in ``Schedule``; the rest of PD's settings are shown with the values that hold for this PD
and cannot be changed, so that tools which read them find what they look for.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from ycsbpy.minicluster.pd.shapes import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.minicluster.pd.storage import Storage
    from ycsbpy.minicluster.placement.schedule import Schedule

__all__ = ["Configuration", "ConfigurationError", "duration_text", "parse_duration"]

Json: TypeAlias = dict[str, Any]


class ConfigurationError(Exception):
    """A setting that PD does not take; the text says why."""


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
MAX_DURATION_S = float((1 << 63) // 1_000_000_000)
"""Go's longest: nanoseconds in 63 bits."""
MAX_NUMBER = float(1 << 63)
MAX_BATCH = 100
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def parse_duration(text: str) -> float:
    """``1h30m``, ``10ms`` → seconds. Raises ``ConfigurationError``."""
    parts = _PART.findall(text) if isinstance(text, str) else []
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not parts or "".join(number + unit for number, unit in parts) != text or seconds > MAX_DURATION_S:
        raise ConfigurationError(f"time: invalid duration {text!r}")
    return seconds


def duration_text(seconds: float) -> str:
    """Seconds as Go prints them: ``30m0s``, ``100ms``."""
    if seconds <= 0:
        return "0s"
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest:g}s"


def _flag(value: Any) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ConfigurationError(f"{value!r} is neither true nor false")


def _count(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ConfigurationError(f"{value!r} is no whole number")
    return int(number)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ConfigurationError(f"{value!r} is no number") from None
    if isinstance(value, bool) or not math.isfinite(number) or not 0 <= number <= MAX_NUMBER:
        raise ConfigurationError(f"{value!r} is not a number from 0 on")
    return number


def _replicas(value: Any) -> int:
    count = _count(value)
    if not 1 <= count <= 1000:
        raise ConfigurationError(f"max-replicas {count} is not between 1 and 1000")
    return count


def _batch(value: Any) -> int:
    count = _count(value)
    if not 1 <= count <= MAX_BATCH:
        raise ConfigurationError(f"invalid batch size which should be an integer between 1 and {MAX_BATCH}")
    return count


def _labels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise ConfigurationError(f"{value!r} is no text")
    return tuple(label.strip() for label in value.split(",") if label.strip())


def _flag_text(value: bool) -> str:
    return "true" if value else "false"


_Convert: TypeAlias = "tuple[Callable[[Any], Any], Callable[[Any], Any]]"
_PLAIN_COUNT: _Convert = (_count, int)
_PLAIN_NUMBER: _Convert = (_number, plain)
_FLAG: _Convert = (_flag, _flag_text)
_DURATION: _Convert = (parse_duration, duration_text)

_SETTABLE: dict[str, dict[str, tuple[str, _Convert]]] = {
    # section → PD's name → (field of Schedule, how it is read and shown)
    "schedule": {
        "max-snapshot-count": ("max_snapshot_count", _PLAIN_COUNT),
        "max-pending-peer-count": ("max_pending_peer_count", _PLAIN_COUNT),
        "patrol-region-interval": ("patrol_region_interval", _DURATION),
        "max-store-down-time": ("max_store_down_time", _DURATION),
        "leader-schedule-limit": ("leader_schedule_limit", _PLAIN_COUNT),
        "region-schedule-limit": ("region_schedule_limit", _PLAIN_COUNT),
        "replica-schedule-limit": ("replica_schedule_limit", _PLAIN_COUNT),
        "merge-schedule-limit": ("merge_schedule_limit", _PLAIN_COUNT),
        "tolerant-size-ratio": ("tolerant_size_ratio", _PLAIN_NUMBER),
        "low-space-ratio": ("low_space_ratio", _PLAIN_NUMBER),
        "high-space-ratio": ("high_space_ratio", _PLAIN_NUMBER),
        "enable-remove-down-replica": ("enable_remove_down_replica", _FLAG),
        "enable-replace-offline-replica": ("enable_replace_offline_replica", _FLAG),
        "enable-make-up-replica": ("enable_make_up_replica", _FLAG),
        "enable-remove-extra-replica": ("enable_remove_extra_replica", _FLAG),
        "enable-location-replacement": ("enable_location_replacement", _FLAG),
        "enable-joint-consensus": ("enable_joint_consensus", _FLAG),
        "enable-tikv-split-region": ("enable_tikv_split_region", _FLAG),
        "halt-scheduling": ("halt_scheduling", _FLAG),
    },
    "replication": {
        "max-replicas": ("max_replicas", (_replicas, int)),
        "location-labels": ("location_labels", (_labels, ",".join)),
    },
}

_FIXED: dict[str, Json] = {
    "schedule": {
        "max-merge-region-size": 54,
        "max-merge-region-keys": 540000,
        "split-merge-interval": "1h0m0s",
        "leader-schedule-policy": "count",
        "hot-region-schedule-limit": 4,
        "hot-region-cache-hits-threshold": 3,
        "region-score-formula-version": "v2",
        "scheduler-max-waiting-operator": 5,
        "store-limit-version": "v1",
    },
    "replication": {
        "strictly-match-label": "false",
        "enable-placement-rules": "true",
        "enable-placement-rules-cache": "false",
        "isolation-level": "",
    },
    "pd-server": {"use-region-storage": "true", "key-type": "raw", "metric-storage": "", "dashboard-address": "none"},
    "log": {"level": "info", "format": "text"},
    "replication-mode": {"replication-mode": "majority"},
}

BALANCE_LEADER_BATCH = "balance-leader-scheduler.batch"
"""Kept with the settings; PD has it in the scheduler's own configuration."""
SCHEDULERS = {"balance-region-scheduler": "balance-region", "balance-leader-scheduler": "balance-leader"}


class Configuration:
    """The settings in force; changes are kept and told to whoever asked to be told."""

    def __init__(self, storage: Storage | None, base: Schedule, max_replicas: int) -> None:
        self._storage = storage
        self._listeners: list[Callable[[Schedule], None]] = []
        self.schedule = base.with_(max_replicas=max_replicas)
        for name, value in ((storage.fact("config") if storage else None) or {}).items():
            self.schedule = self.schedule.with_(**self._read(name, value))

    def on_change(self, listener: Callable[[Schedule], None]) -> None:
        """Be told of the settings after each change."""
        self._listeners.append(listener)

    def change(self, items: Json, section: str = "") -> None:
        """Take settings by PD's names, with or without their section. All or none; raises ``ConfigurationError``."""
        changes: Json = {}
        for name, value in _flattened(items, section):
            changes |= self._read(name, value)
        if not changes:
            return
        self.put(self.schedule.with_(**changes), dict(_flattened(items, section)))

    def put(self, schedule: Schedule, kept: Json) -> None:
        """Have other settings in force; ``kept`` is what to remember of them, by PD's names."""
        self.schedule = schedule
        if self._storage is not None:
            self._storage.keep("config", (self._storage.fact("config") or {}) | kept)
        for listener in self._listeners:
            listener(schedule)

    def _read(self, name: str, value: Any) -> Json:
        if name == BALANCE_LEADER_BATCH:
            return {"balance_leader_batch": _batch(value)}
        section, _, short = name.rpartition(".")
        if short in ("default-add-peer-limit", "default-remove-peer-limit"):
            return {short.removeprefix("default-").replace("-", "_"): _number(value)}
        if short == "paused-schedulers":
            if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                raise ConfigurationError(f"{value!r} is no list of schedulers")
            return {"paused": frozenset(value)}
        for known, settings in _SETTABLE.items():
            if section in ("", known) and short in settings:
                field, (read, _) = settings[short]
                try:
                    return {field: read(value)}
                except ConfigurationError as error:
                    raise ConfigurationError(f"{short}: {error}") from None
        for known, fixed in _FIXED.items():
            if section in ("", known) and short in fixed:
                if value == fixed[short]:
                    return {}
                raise ConfigurationError(f"config item {short} cannot be changed here")
        raise ConfigurationError(f"config item {name} not found")

    # ---- shown ----

    def section(self, name: str, store_limits: Json | None = None) -> Json:
        """One section, as PD shows it. ``store_limits`` is store id → limits."""
        shown: Json = {
            key: show(getattr(self.schedule, field)) for key, (field, (_, show)) in _SETTABLE.get(name, {}).items()
        } | _FIXED.get(name, {})
        if name == "schedule":
            shown["default-store-limit"] = {
                "add-peer": self.schedule.add_peer_limit,
                "remove-peer": self.schedule.remove_peer_limit,
            }
            shown["store-limit"] = store_limits or {}
            shown["schedulers-v2"] = [
                {"type": kind, "args": None, "disable": scheduler in self.schedule.paused, "args-payload": ""}
                for scheduler, kind in SCHEDULERS.items()
            ]
        return shown

    def everything(self, facts: Json, store_limits: Json) -> Json:
        """All of it; ``facts`` are the top-level items."""
        return facts | {name: self.section(name, store_limits) for name in {**_SETTABLE, **_FIXED}}


def _flattened(items: Json, section: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in items.items():
        if isinstance(value, dict) and not section and name in {**_SETTABLE, **_FIXED}:
            found += [(f"{name}.{short}", inner) for short, inner in value.items()]
        else:
            found.append((f"{section}.{name}" if section and "." not in name else name, value))
    return found
