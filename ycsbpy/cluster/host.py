"""The process that owns a playground: starts it, answers for it, looks after it, and takes it down.

    python -m ycsbpy.cluster.host --tag TAG --spec JSON --owner-fd N --ready-fd M

``ycsbpy playground`` is this process itself, in the foreground; with ``--background``, and for ``Playground``, it is
started as a child in a session of its own. It ends by a signal, by ``stop``, by the end of whoever started it (unless
that one has let it go), or when its cluster has ended. Whichever comes, also in the middle of the start, it stops the
cluster and removes what is not to stay; if it is killed itself, the estate's reaper does the same.

All that the backend does is done in a thread, one thing at a time, while the loop listens.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import resource
import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ycsbpy.cluster import backends, monitor, statedir
from ycsbpy.cluster.backends.base import Site
from ycsbpy.cluster.control import Answerer, dumps
from ycsbpy.cluster.folders import make_writable
from ycsbpy.cluster.pdhttp import PdHttp, StoreView
from ycsbpy.cluster.ports import PortBook
from ycsbpy.cluster.process import Estate
from ycsbpy.cluster.topology import Display, Instance, Phase, Role, Row, Spec, Topology
from ycsbpy.errors import ClusterError, Interrupted, UsageError, YcsbpyError
from ycsbpy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ycsbpy.cluster.backends.base import Backend

__all__ = ["Host", "main", "run"]

LOOK_AFTER_S = 1.0
GRACE_S = 10.0
REAPER_GRACE_S = 15.0
STATUS_PORT = 9528
MARKER = "playground.json"
"""In the folder of the data: the topology that they belong to, with the ports that are to be the same again."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True)
class Owner:
    """Who this process answers to: the pipes of ``process.Child``, or, in the foreground, its parent."""

    owner_fd: int | None = None
    ready_fd: int | None = None

    def tell(self, line: Mapping[str, Any]) -> None:
        """Write a line for the owner, if there is one."""
        if self.ready_fd is not None:
            with contextlib.suppress(OSError):  # an owner that is gone need not know
                os.write(self.ready_fd, dumps(line).encode() + b"\n")


def run(spec: Spec, say: Callable[[str], None], home: statedir.Home | None = None, owner: Owner = Owner()) -> None:
    """Be a playground's host until it is to stop.

    Raises ``UsageError`` or ``ClusterError`` when the playground cannot be had, or its cluster ends by itself, and
    ``Interrupted`` when it is to stop before it was ready.
    """
    _raise_file_limit()
    home = home or statedir.prepare(spec)
    try:
        with home.held():
            asyncio.run(Host(spec, home, say, owner).run())
    finally:
        if not spec.tag:
            home.remove_if_dead()


class Host:
    """One playground, from its start to its end."""

    def __init__(self, spec: Spec, home: statedir.Home, say: Callable[[str], None], owner: Owner) -> None:
        self._spec = spec
        self._home = home
        self._say = say
        self._owner = owner
        self._keeps = bool(spec.tag) or spec.data_dir is not None
        self._backend: Backend | None = None
        self._stopping = threading.Event()
        self._stop = asyncio.Event()
        self._forced = asyncio.Event()
        self._working = asyncio.Lock()
        self._topology = statedir.identified(Topology(tag=home.tag, backend=spec.backend, keeps_data=self._keeps))

    async def run(self) -> None:
        """Start, serve, stop."""
        with (
            _told_to_stop(self._signalled, self._owner_gone, self._owner),
            Estate(reaper_grace_s=REAPER_GRACE_S) as estate,
        ):
            self._estate = estate
            with contextlib.suppress(FileNotFoundError):
                self._home.socket.unlink()
            before, data = self._settle(estate)
            async with Answerer(self._home, self._answer):
                if self._keeps:
                    estate.own(self._home.socket)
                try:
                    await self._live(estate, before, data)
                finally:
                    await self._end(estate)
            self._leave(data)

    # ---- the stages ----

    def _settle(self, estate: Estate) -> tuple[Topology | None, Path]:
        """Find the place of the data, and what there was before. Everything new is the estate's until it was ready."""
        last = self._home.read()
        if not self._keeps or last is None:
            estate.own(self._home.path)
        elsewhere = Path(last.data_dir) if last is not None and last.keeps_data and last.data_dir else self._home.data
        data = (self._spec.data_dir or elsewhere).absolute()
        before = _before(data)
        new = not data.exists()
        make_writable(data)
        if new:
            estate.own(data)
        self._topology = replace(self._topology, data_dir=str(data))
        self._home.write(self._topology)
        return before, data

    async def _live(self, estate: Estate, before: Topology | None, data: Path) -> None:
        with _only_user_of(data), contextlib.closing(_Ports(self._home)) as ports:
            if before is None:
                estate.own(data / "lock")
            async with contextlib.AsyncExitStack() as stack:
                try:
                    await self._start(estate, before, data, ports.book, stack)
                except YcsbpyError:
                    if self._stopping.is_set():
                        raise Interrupted("stopped before the playground was ready") from None
                    raise
                await self._serve(data)

    async def _start(
        self, estate: Estate, before: Topology | None, data: Path, ports: PortBook, stack: contextlib.AsyncExitStack
    ) -> None:
        name, why = await asyncio.to_thread(backends.choose, self._spec)
        if before is not None and before.backend != name:
            raise ClusterError(f"the data in {data} are of a playground over {before.backend}, not over {name}")
        self._say(f"Playground {self._home.tag} over {name}: {why}")
        site = Site(self._spec, estate, data, self._say, ports, before, self._stopping)
        self._backend = backends.make(name, site)
        self._topology = replace(self._topology, backend=name, why=why)
        began = time.monotonic()
        async with self._working:
            if not self._stopping.is_set():
                await asyncio.to_thread(self._backend.start)
        if self._stopping.is_set():
            raise ClusterError("stopped")
        self._topology = replace(self._topology, endpoints=tuple(self._backend.endpoints))
        if self._spec.monitor:
            had = int(before.dashboard.rpartition(":")[2].partition("/")[0]) if before and before.dashboard else 0
            port = ports.take("the dashboard", self._spec.host, STATUS_PORT, before=had)
            site_address = await stack.enter_async_context(
                monitor.status_site(self._spec.host, port, lambda: self._topology)
            )
            self._topology = replace(self._topology, dashboard=site_address)
        self._topology = replace(self._topology, phase=Phase.RUNNING)
        self._publish(data)
        self._keep_data()  # before anybody is told that it is there
        self._say_what_there_is(time.monotonic() - began)
        self._owner.tell({"ready": self._topology.to_json()})

    async def _serve(self, data: Path) -> None:
        """Until it is to stop: look after the processes. Raises ``ClusterError`` when none is left."""
        assert self._backend is not None
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_AFTER_S)
                return
            if self._working.locked():
                continue
            async with self._working:
                await asyncio.to_thread(self._backend.look_after)
                try:
                    self._publish(data)
                except ClusterError as error:  # a full disk: the cluster is no worse for it
                    self._say(str(error))
            if self._topology.instances and all(one.ended for one in self._topology.instances):
                raise ClusterError("all processes of the playground have ended")

    async def _end(self, estate: Estate) -> None:
        """Stop what was started; at once when told a second time."""
        self._stopping.set()
        with contextlib.suppress(ClusterError):
            self._home.write(replace(self._topology, phase=Phase.STOPPING))

        def stop() -> None:
            if self._backend is not None:
                self._backend.stop(GRACE_S)
            estate.close()

        stopping = asyncio.ensure_future(asyncio.to_thread(stop))
        forced = asyncio.ensure_future(self._forced.wait())
        await asyncio.wait({stopping, forced}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            await asyncio.to_thread(estate.kill)
        forced.cancel()
        await stopping

    def _leave(self, data: Path) -> None:
        """Leave the last state, or nothing."""
        if not self._keeps or not self._home.path.exists():
            self._home.remove()
            return
        last = statedir.ended(self._topology)
        with contextlib.suppress(ClusterError):
            self._home.write(last)
        if not self._spec.tag:  # its data are elsewhere, where they can be found again
            self._home.remove()

    # ---- what is asked of it ----

    async def _answer(self, do: str, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Any:
        if do == "topology":
            return self._topology.to_json()
        if do == "stop":
            self._say("Playground is asked to stop")
            self._ask_to_stop()
            return None
        if do == "display":
            return (await self._display()).to_json()
        if self._topology.phase is not Phase.RUNNING or self._backend is None:
            raise ClusterError(f"the playground {self._home.tag} is {self._topology.phase}")
        if do == "scale-out":
            return await self._scale_out(_count(arguments, "kv"), say)
        if do == "scale-in":
            return await self._scale_in(arguments, say)
        raise UsageError(f"a playground cannot do {do!r}")

    async def _scale_out(self, kv: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
        assert self._backend is not None
        if kv < 1:
            raise UsageError(f"{kv} stores cannot be added")
        async with self._working:
            say(f"Adding {counted(kv, 'store')}")
            try:
                added = await asyncio.to_thread(self._backend.scale_out, kv)
            finally:
                if not self._stopping.is_set():
                    self._publish(Path(self._topology.data_dir))
                    self._keep_data()
        return [one.to_json() for one in added]

    async def _scale_in(self, arguments: Mapping[str, Any], say: Callable[[str], None]) -> str:
        assert self._backend is not None
        instance = self._wanted(_count(arguments, "pid"), _count(arguments, "store"))
        async with self._working:
            reply = await asyncio.to_thread(self._backend.scale_in, instance)
        wait_s = _number(arguments, "wait_s")
        deadline = time.monotonic() + wait_s
        if wait_s:
            say(reply)
        while wait_s and any(one.name == instance.name for one in self._topology.instances):
            if time.monotonic() > deadline or self._stop.is_set():
                raise ClusterError(f"{instance.name} is not Tombstone within {wait_s:g} s")
            await asyncio.sleep(LOOK_AFTER_S / 4)
        return f"{instance.name} is gone" if wait_s else reply

    def _wanted(self, pid: int, store: int) -> Instance:
        for one in self._topology.instances:
            if (pid and one.pid == pid) or (store and one.store_id == store):
                if one.role is not Role.TIKV:
                    raise UsageError(f"{one.name} is the only PD and cannot be taken out")
                return one
        raise UsageError(f"no instance with {'id' if pid else 'store id'}: {pid or store}")

    async def _display(self) -> Display:
        instances = list(self._backend.instances()) if self._backend is not None else []
        topology = replace(self._topology, instances=tuple(instances))
        problem, views = "", list[StoreView]()
        if topology.endpoints:
            try:
                views = await asyncio.to_thread(PdHttp(topology.endpoints, 2.0).stores)
            except ClusterError as error:
                problem = str(error)
        return Display(topology, tuple(_rows(instances, views, time.time())), problem)

    # ---- inside ----

    def _keep_data(self) -> None:
        """What is there by now stays when the playground stops, if its data are to."""
        if self._keeps:
            self._estate.disown()
            self._estate.own(self._home.socket)

    def _publish(self, data: Path) -> None:
        """Write the state if it has changed."""
        assert self._backend is not None
        topology = replace(self._topology, instances=tuple(self._backend.instances()))
        if self._spec.monitor:
            config = monitor.write_prometheus(self._home.path / "prometheus", topology)
            topology = replace(topology, prometheus=str(config))
        if topology == self._topology and (data / MARKER).exists():
            return
        self._topology = topology
        self._home.write(topology)
        try:
            statedir.replace_file(data / MARKER, dumps(topology.to_json()))
        except OSError as error:
            raise ClusterError(f"cannot write in {data}: {error.strerror}") from None

    def _say_what_there_is(self, seconds: float) -> None:
        count = len(self._topology.stores)
        self._say(f"{counted(count, 'store')} Up, every Region has a leader ({seconds:.1f} s)")
        self._say(f"PD Endpoints:   {','.join(self._topology.endpoints)}")
        if self._topology.dashboard:
            self._say(f"Dashboard:      {self._topology.dashboard}")
        if self._topology.prometheus:
            self._say(f"Prometheus:     --config.file={self._topology.prometheus}")

    def _ask_to_stop(self) -> None:
        if self._stop.is_set():
            self._forced.set()
        self._stopping.set()
        self._stop.set()

    def _signalled(self, number: int) -> None:
        again = self._stop.is_set()
        name = signal.strsignal(number) or str(number)
        self._say(f"Playground receive signal: {name.lower()}" if not again else "Killing what is left")
        self._ask_to_stop()

    def _owner_gone(self) -> None:
        if not self._stop.is_set():
            self._say("Playground's owner is gone")
            self._ask_to_stop()


def _rows(instances: Sequence[Instance], views: Sequence[StoreView], now: float) -> Iterator[Row]:
    by_address = {view.address: view for view in views}
    for one in instances:
        view = by_address.get(one.address) if one.role is Role.TIKV else None
        yield Row(
            name=one.name,
            role=one.role,
            pid=one.pid,
            uptime_s=max(0.0, now - one.started_at),
            ended=one.ended,
            address=one.address,
            status_address=one.status_address,
            store_id=view.id if view is not None else one.store_id,
            state=view.state if view is not None else "",
            regions=view.regions if view is not None else None,
            leaders=view.leaders if view is not None else None,
        )


def _number(arguments: Mapping[str, Any], name: str) -> float:
    value = arguments.get(name, 0)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{name} is a number, not {value!r}")
    return value


def _count(arguments: Mapping[str, Any], name: str) -> int:
    value = _number(arguments, name)
    if value != int(value):
        raise UsageError(f"{name} is a whole number, not {value}")
    return int(value)


class _Ports:
    """The user's book of ports, given back at the end."""

    def __init__(self, home: statedir.Home) -> None:
        self.book = PortBook(home.path.parent.with_name("ports.json"))

    def close(self) -> None:
        """Give all ports back."""
        self.book.release()


def _before(data: Path) -> Topology | None:
    found = statedir.read_json(data / MARKER)
    try:
        return Topology.from_json(found) if found is not None else None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ClusterError(f"{data / MARKER} cannot be understood") from None


@contextlib.contextmanager
def _only_user_of(data: Path) -> Iterator[None]:
    """Two playgrounds must not share a folder, whatever their tags."""
    try:
        with statedir.Home(data).held():
            yield
    except ClusterError as error:
        if "runs already" in str(error):
            raise ClusterError(f"the data in {data} are in use by another playground") from None
        raise


@contextlib.contextmanager
def _told_to_stop(signalled: Callable[[int], None], gone: Callable[[], None], owner: Owner) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    parent = -1
    if hasattr(os, "pidfd_open") and os.getppid() > 1:
        with contextlib.suppress(OSError):
            parent = os.pidfd_open(os.getppid())

    def owner_pipe() -> None:
        """Its end is the owner's end; a byte before it lets this process live on."""
        assert owner.owner_fd is not None
        loop.remove_reader(owner.owner_fd)
        if not os.read(owner.owner_fd, 1):
            gone()
        elif parent >= 0:
            loop.remove_reader(parent)

    def parent_gone() -> None:
        loop.remove_reader(parent)
        gone()

    watched = {
        fd: react for fd, react in ((owner.owner_fd, owner_pipe), (parent, parent_gone)) if fd is not None and fd >= 0
    }
    for fd, react in watched.items():
        loop.add_reader(fd, react)
    for number in SIGNALS:
        loop.add_signal_handler(number, signalled, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)  # what is left is quick, and is not to be left half done
        for fd in watched:
            loop.remove_reader(fd)
            os.close(fd)


def _raise_file_limit() -> None:
    """TiKV wants many files, and children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(argv: Sequence[str] | None = None) -> int:
    """Be the host of a playground that another process has asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ycsbpy.cluster.host")
    parser.add_argument("--tag", required=True)
    parser.add_argument("--spec", required=True)
    parser.add_argument("--owner-fd", type=int, required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    arguments = parser.parse_args(argv)
    owner = Owner(arguments.owner_fd, arguments.ready_fd)

    def say(line: str) -> None:
        print(line, flush=True)
        owner.tell({"said": line})

    try:
        run(Spec.from_json(json.loads(arguments.spec)), say, statedir.Home(statedir.root() / arguments.tag), owner)
    except YcsbpyError as error:
        print(error, file=sys.stderr)
        owner.tell({"error": str(error), "exit_code": error.exit_code})
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
