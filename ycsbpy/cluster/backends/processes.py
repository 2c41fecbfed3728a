"""A backend that starts PD and each store itself: what ``binaries`` and ``minicluster`` have in common.

They differ in their command lines only. That a cluster is ready is asked of PD over HTTP, for both: a PD with a leader,
every store Up under its own address, and, because a store is Up before its Regions have elected anybody, a leader of
every Region.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ycsbpy.cluster import reaper
from ycsbpy.cluster.pdhttp import PdHttp, answer_or
from ycsbpy.cluster.process import log_tail
from ycsbpy.cluster.tikv import Place
from ycsbpy.cluster.topology import Instance, Role
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ycsbpy.cluster.backends.base import Site
    from ycsbpy.cluster.process import Child

__all__ = ["Launch", "ProcessBackend", "how_it_ended", "local_environment"]

POLL_S = 0.1
PD_PORT, KV_PORT = 2379, 20160
STATUS_ABOVE_KV = 20
"""TiKV's status port is 20180 where its own is 20160."""

LAST_WORDS = 300


@dataclass(frozen=True)
class Launch:
    """How a process is started; with ``stop_signal`` it gets that and no pipes (``Child``)."""

    command: list[str]
    log: str
    environment: dict[str, str]
    stop_signal: int = 0


@dataclass
class _Running:
    """A process that was started, and what is known of it."""

    instance: Instance
    place: Place
    child: Child
    leaving: bool = False
    reported: bool = False


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def local_environment() -> dict[str, str]:
    """The environment for servers that speak to each other on this machine: a proxy is not for them."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.lower() not in ("http_proxy", "https_proxy", "all_proxy")
    }


class ProcessBackend(ABC):
    """See ``backends.base.Backend``."""

    name = ""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pd: _Running | None = None
        self._stores: list[_Running] = []
        self._next = 0

    # ---- what a backend says ----

    @abstractmethod
    def _launch_pd(self, place: Place) -> Launch: ...

    @abstractmethod
    def _launch_store(self, place: Place) -> Launch: ...

    def _label(self, role: Role) -> str:
        """What is started, for the line ``Start tikv instance: …``."""
        return self.name

    # ---- the contract ----

    @property
    def endpoints(self) -> tuple[str, ...]:
        return (self._pd.instance.address,) if self._pd is not None else ()

    def start(self) -> None:
        deadline = time.monotonic() + self._site.spec.wait_s
        before = {one.name: one for one in self._site.before.instances} if self._site.before is not None else {}
        self._pd = self._start(self._pd_place(before.get("pd-0")), Role.PD)
        pd = PdHttp(self.endpoints)
        self._wait(pd.healthy, [self._pd], deadline, "PD has no leader")
        old = [one for one in before.values() if one.role is Role.TIKV]
        for one in old:
            self._stores.append(self._start(self._store_place(one), Role.TIKV))
        self._next = max((int(one.name.rpartition("-")[2]) + 1 for one in old), default=0)
        while len(self._stores) < self._site.spec.kv:
            self._stores.append(self._start(self._store_place(None), Role.TIKV))
        self._wait_up(self._stores, deadline)
        self._wait(
            lambda: answer_or(pd.leaderless, 1) == 0,
            [self._pd, *self._stores],
            deadline,
            "there are Regions without a leader",
        )

    def scale_out(self, kv: int) -> Sequence[Instance]:
        deadline = time.monotonic() + self._site.spec.wait_s
        PdHttp(self.endpoints).stores()  # without PD there is no use in starting any
        new: list[_Running] = []
        try:
            for _ in range(kv):
                running = self._start(self._store_place(None), Role.TIKV)
                new.append(running)
                self._stores.append(running)
            self._wait_up(new, deadline)
        except ClusterError as error:
            up = sum(running.instance.store_id != 0 for running in new)
            for running in new:
                if not running.instance.store_id:
                    self._discard(running)
            raise ClusterError(f"{kv} stores were asked for and {up} joined: {error}") from None
        return [running.instance for running in new]

    def scale_in(self, instance: Instance) -> str:
        running = next((one for one in self._stores if one.instance.name == instance.name), None)
        if running is None or not running.instance.store_id:
            raise ClusterError(f"{instance.name} is no store that PD knows")
        PdHttp(self.endpoints).delete_store(running.instance.store_id)
        running.leaving = True
        return "tikv will be stop when tombstone"

    def instances(self) -> Sequence[Instance]:
        return [_as_it_is(running) for running in self._all()]

    def look_after(self) -> None:
        for running in self._all():
            status = running.child.returncode
            if status is not None and not running.reported:
                running.reported = True
                self._site.say(f"{running.instance.name} quit: {how_it_ended(status)}")
                for line in log_tail(running.child.log).splitlines():
                    self._site.say(f"  {line}")
                self._site.say(f"check detail log from: {running.instance.log}")
        for running in [one for one in self._stores if one.leaving]:
            with contextlib.suppress(ClusterError):  # a PD that is busy or gone is asked again
                view = PdHttp(self.endpoints).store(running.instance.store_id)
                if view is None or view.state == "Tombstone":
                    self._site.say(f"stop tombstone tikv {running.instance.address}")
                    self._discard(running)

    def stop(self, grace_s: float) -> None:
        """Stores first, all at once, then PD, which they need to the end."""
        for group in ([*self._stores], [self._pd] if self._pd is not None else []):
            deadline = time.monotonic() + grace_s
            here = [one for one in group if one.child.returncode is None]
            for running in here:
                self._site.say(f"Wait {running.instance.role}({running.child.pid}) to quit...")
                running.child.ask_to_stop()
            for running in group:
                running.child.stop(max(0.0, deadline - time.monotonic()))
                self._site.estate.ended(running.child)
            for running in here:
                self._site.say(f"{running.instance.name} quit")

    # ---- inside ----

    def _all(self) -> list[_Running]:
        return [*([self._pd] if self._pd is not None else []), *self._stores]

    def _pd_place(self, before: Instance | None) -> Place:
        spec, ports = self._site.spec, self._site.ports
        had, had_peer = (_port(before.address), _port(before.peer_address)) if before is not None else (0, 0)
        port = ports.take("PD", spec.host, PD_PORT, asked=spec.pd_port, before=had)
        peer = ports.take("PD", spec.host, port + 1, before=had_peer)
        return Place("pd-0", self._site.folder("pd-0"), spec.host, port, peer)

    def _store_place(self, before: Instance | None) -> Place:
        spec, ports = self._site.spec, self._site.ports
        if before is None:
            name, asked, had, had_status = f"tikv-{self._next}", spec.kv_port if self._next == 0 else None, 0, 0
            self._next += 1
        else:
            name, asked, had, had_status = before.name, None, _port(before.address), _port(before.status_address)
        usual = spec.kv_port or KV_PORT
        port = ports.take(name, spec.host, usual, asked=asked, before=had)
        status = ports.take(name, spec.host, usual + STATUS_ABOVE_KV, before=had_status)
        return Place(name, self._site.folder(name), spec.host, port, status)

    def _start(self, place: Place, role: Role) -> _Running:
        self._check_stopping()
        self._site.say(f"Start {role} instance: {self._label(role)}")
        launch = self._launch_pd(place) if role is Role.PD else self._launch_store(place)
        child = self._site.estate.start(
            place.name,
            launch.command,
            place.folder / "output.log",
            environment=launch.environment,
            stop_signal=launch.stop_signal,
        )
        instance = Instance(
            name=place.name,
            role=role,
            pid=child.pid,
            start=reaper.start_time(child.pid),
            started_at=time.time(),
            address=place.address,
            status_address=place.address if role is Role.PD else place.other_address,
            peer_address=place.other_address if role is Role.PD else place.address,
            log=launch.log,
        )
        return _Running(instance, place, child)

    def _wait_up(self, wanted: list[_Running], deadline: float) -> None:
        pd = PdHttp(self.endpoints)

        def up() -> bool:
            views = {view.address: view for view in answer_or(pd.stores, ())}
            for running in wanted:
                view = views.get(running.instance.address)
                if view is not None and view.state == "Up":
                    running.instance = replace(running.instance, store_id=view.id)
            return all(running.instance.store_id for running in wanted)

        for running in wanted:
            running.instance = replace(running.instance, store_id=0)
        assert self._pd is not None
        self._wait(up, [self._pd, *wanted], deadline, "not every store is Up")

    def _wait(self, true: Callable[[], bool], needed: Sequence[_Running], deadline: float, else_: str) -> None:
        """Wait until ``true()``. Raises ``ClusterError`` when a process that it needs has ended, or time has."""
        while True:
            self._check_stopping()
            for running in needed:
                status = running.child.returncode
                if status is not None:
                    raise ClusterError(self._why(running, status))
            if true():
                return
            if time.monotonic() > deadline:
                raise ClusterError(f"{else_} after {self._site.spec.wait_s:g} s")
            self._site.stopping.wait(POLL_S)

    def _check_stopping(self) -> None:
        if self._site.stopping.is_set():
            raise ClusterError("stopped before everything was there")

    def _why(self, running: _Running, status: int) -> str:
        """Why a process ended, on one line: by its own words, or by the end of its log."""
        running.reported = True
        reason = self._own_words(running.child)
        if reason:
            return f"{running.instance.name}: {reason}"
        tail = log_tail(running.child.log, 1) or log_tail(running.place.folder / f"{running.instance.role}.log", 1)
        said = f"; its log ends: {' '.join(tail.split())[-LAST_WORDS:]}" if tail.strip() else ""
        return f"{running.instance.name} ended ({how_it_ended(status)}){said}"

    def _own_words(self, child: Child) -> str:
        """What a child that can say why it failed has said."""
        return ""

    def _discard(self, running: _Running) -> None:
        """End a store for good, with its data."""
        self._stores.remove(running)
        running.child.stop()
        self._site.estate.ended(running.child)
        shutil.rmtree(running.place.folder, ignore_errors=True)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2]) if address else 0


def _as_it_is(running: _Running) -> Instance:
    status = running.child.returncode
    return running.instance if status is None else replace(running.instance, ended=how_it_ended(status))


GRACEFUL = signal.SIGTERM
"""What pd-server and tikv-server take for a request to stop in order."""
