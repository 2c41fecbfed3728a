"""A playground as a program uses it: start it, add stores, take them out, look at it, stop it.

    from ycsbpy.cluster import Playground

    with Playground(kv=3) as playground:
        print(playground.endpoints)
        playground.scale_out(2)
        for row in playground.display().rows:
            print(row.name, row.regions, row.leaders)

The cluster's processes belong to a process of its own, the host (``ycsbpy.cluster.host``), and a ``Playground`` is a
handle on it: so whatever happens to the program that started it, SIGKILL included, the host takes everything down.
``keep`` lets it run on. ``Playground.attach`` is a handle on one that runs already, started by whomever.

Calls block and may be made from any thread; an asyncio program uses ``asyncio.to_thread``.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, Self

from ycsbpy.cluster import control, statedir
from ycsbpy.cluster.process import OWNER_FD, READY_FD, Child, python_environment
from ycsbpy.cluster.topology import Display, Instance, Spec, Topology
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Playground"]

STOP_WAIT_S = 60.0


class Playground:
    """A playground, as a context manager or by ``start`` and ``stop``.

    ``spec`` or its fields by name (``Spec``: ``kv``, ``backend``, ``tag``, ``region_split_size``, …) say what it is to
    be; ``say`` gets the lines that the ``playground`` command would print. Every call raises ``ClusterError``, one
    line, when it cannot do what it is for, and ``UsageError`` for what was asked wrongly.
    """

    def __init__(self, spec: Spec | None = None, *, say: Callable[[str], None] | None = None, **wanted: Any) -> None:
        self.spec = dataclasses.replace(spec or Spec(), **wanted)
        self._say = say or (lambda _line: None)
        self._host: Child | None = None
        self._home: statedir.Home | None = None
        self._topology: Topology | None = None

    @classmethod
    def attach(cls, tag: str = "", *, say: Callable[[str], None] | None = None) -> Self:
        """A handle on the playground ``tag`` that runs, or on the only one that does; it is not stopped by ``with``."""
        home = statedir.running(tag)
        made = cls(Spec(tag=home.tag), say=say)
        made._home = home
        made._refresh()
        return made

    def __enter__(self) -> Self:
        return self if self._home is not None else self.start()

    def __exit__(self, *_exc: object) -> None:
        if self._host is not None:
            self.stop()

    # ---- what there is ----

    @property
    def topology(self) -> Topology:
        """The processes and addresses, as of the last call."""
        if self._topology is None:
            raise ClusterError("this playground does not run")
        return self._topology

    @property
    def tag(self) -> str:
        """Its name."""
        return self.topology.tag

    @property
    def endpoints(self) -> tuple[str, ...]:
        """PD's addresses, host:port, as clients want them."""
        return self.topology.endpoints

    # ---- what can be done ----

    def start(self) -> Self:
        """Start it and wait until every store is Up and every Region has a leader."""
        if self._home is not None:
            raise ClusterError("this playground runs already")
        spec = self.spec
        home = statedir.prepare(spec)
        command = [
            *[sys.executable, "-P", "-m", "ycsbpy.cluster.host", "--tag", home.tag],
            *["--owner-fd", OWNER_FD, "--ready-fd", READY_FD],
            *["--spec", control.dumps(spec.to_json())],
        ]
        try:
            self._host = Child("playground", command, home.log, environment=python_environment())
            self._home = home
            ready = self._host.wait_ready(spec.wait_s + 30.0, said=self._say)
        except BaseException:  # Ctrl-C included
            self._give_up(home, keeps=bool(spec.tag))
            raise
        self._topology = Topology.from_json(ready)
        return self

    def scale_out(self, kv: int = 1) -> list[Instance]:
        """Add ``kv`` stores; return them when they are Up. Regions move to them afterwards, which PD sees to."""
        answer = self._call("scale-out", kv=kv)
        return [Instance.from_json(one) for one in answer]

    def scale_in(self, *, pid: int = 0, store: int = 0, wait_s: float = 0.0) -> str:
        """Take out the store that has this process id or store id; PD moves its Regions away first.

        Returns what TiUP answers, ``tikv will be stop when tombstone``. With ``wait_s`` it waits until the store is
        Tombstone and its process has ended, and raises ``ClusterError`` when that takes longer.
        """
        return str(self._call("scale-in", pid=pid, store=store, wait_s=wait_s))

    def display(self) -> Display:
        """The processes, and what PD says of each store now."""
        shown = Display.from_json(self._call("display"))
        self._topology = shown.topology
        return shown

    def keep(self) -> None:
        """Let the playground run on when this program ends or ``with`` is left."""
        host, self._host = self._host, None
        if host is not None:
            host.let_go()

    def stop(self) -> None:
        """Stop the playground; its data go too unless it has a tag or a data folder. May be called more than once."""
        home, self._home = self._home, None
        host, self._host = self._host, None
        self._topology = None
        if host is not None:
            host.stop(STOP_WAIT_S)
        if home is not None:
            control.stop(home, STOP_WAIT_S)

    # ---- inside ----

    def _call(self, do: str, **arguments: Any) -> Any:
        if self._home is None:
            raise ClusterError("this playground does not run")
        answer = control.call(self._home, do, arguments, say=self._say)
        if do != "display":
            self._refresh()
        return answer

    def _refresh(self) -> None:
        if self._home is not None:
            self._topology = Topology.from_json(control.call(self._home, "topology", {}))

    def _give_up(self, home: statedir.Home, *, keeps: bool) -> None:
        host, self._host, self._home = self._host, None, None
        if host is not None:
            host.stop(STOP_WAIT_S)
        if not keeps:
            home.remove_if_dead()
