"""``tiup playground`` as a backend: a real cluster of any version, as TiUP installs it.

TiUP's playground stays in the foreground under this process and owns PD and the stores. It is spoken to as its own
subcommands do: its data folder ``$TIUP_HOME/data/TAG`` has a file ``port``, and on that port it takes one JSON command
a POST. It tells pids but no addresses, PD tells addresses but no pids; both are matched through the process's command
line, where the system shows it, and by order of the stores' ids where not.

Its tag is ours with a prefix, so that no playground of the user's own is meant by it. It is stopped as by Ctrl-C, which
is what it is made for: SIGINT to its process group; what is left of its session after that is killed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ycsbpy.cluster import reaper
from ycsbpy.cluster.backends.base import Found
from ycsbpy.cluster.backends.processes import how_it_ended
from ycsbpy.cluster.pdhttp import PdHttp, answer_or
from ycsbpy.cluster.process import log_tail
from ycsbpy.cluster.tikv import pd_config, read_toml, tikv_config, write_toml
from ycsbpy.cluster.topology import Instance, Role
from ycsbpy.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ycsbpy.cluster.backends.base import Site
    from ycsbpy.cluster.pdhttp import StoreView
    from ycsbpy.cluster.process import Child
    from ycsbpy.cluster.topology import Spec, Topology

__all__ = ["TiupBackend", "clean_instance", "command_body", "news", "parse_display", "parse_endpoints"]

PREFIX = "ycsbpy-"
POLL_S = 0.2
CALL_S = 60.0
CLEAN_S = 60.0
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
ENDPOINTS = re.compile(r"^PD (?:API )?Endpoints:\s*(\S+)\s*$", re.MULTILINE)
SAID_AGAIN = re.compile(r"PD .*Endpoints:|Grafana:")
ROW = re.compile(r"^\s*(\d+)\s+(\S+)\s+(\S.*?)\s*$")


def parse_endpoints(output: str) -> tuple[str, ...]:
    """PD's addresses from what TiUP has printed; empty while it has not."""
    match = ENDPOINTS.search(ANSI.sub("", output))
    return tuple(match[1].split(",")) if match else ()


def parse_display(text: str) -> list[tuple[int, str, str]]:
    """The rows of ``tiup playground display``: pid, role, and uptime or exit status."""
    rows = [ROW.match(line) for line in ANSI.sub("", text).splitlines()]
    return [(int(row[1]), row[2], row[3]) for row in rows if row]


def news(output: str, start: int) -> tuple[list[str], int]:
    """The whole lines from ``start`` on, as a terminal would end up showing them, and where to go on. What is said of
    the addresses is left out: it is said again when the cluster is ready."""
    end = output.rfind("\n") + 1
    if end <= start:
        return [], start
    lines = (ANSI.sub("", line).rstrip().rpartition("\r")[2].strip() for line in output[start:end].split("\n"))
    return [line for line in lines if line and not SAID_AGAIN.match(line)], end


def command_body(kind: str, **fields: Any) -> dict[str, Any]:
    """A command for TiUP's playground, with the configuration's fields beside its own, as its server wants them."""
    return {"CommandType": kind, "PID": 0, "ComponentID": "", **fields}


class TiupBackend:
    """See ``backends.base.Backend``."""

    name = "tiup"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._program = _program(site.spec)
        self._tag = PREFIX + (site.spec.tag or site.data.parent.name)
        self._folder = tiup_home() / "data" / self._tag
        self._child: Child | None = None
        self._endpoints: tuple[str, ...] = ()
        self._instances: dict[int, Instance] = {}
        self._watched: set[int] = set()
        self._reported = False
        self._read_to = 0

    @staticmethod
    def found(spec: Spec) -> Found:
        """Whether tiup is there. Raises ``UsageError`` for a path that was given and is no program."""
        if spec.data_dir is not None:
            return Found(there=False, why="tiup keeps data in its own folder, so with --data-dir it is not used")
        if not spec.tiup and shutil.which("tiup") is None:
            return Found(there=False, why="no tiup in PATH")
        program = _program(spec)
        try:
            asked = subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False, text=True)
        except (OSError, subprocess.TimeoutExpired) as error:
            return Found(there=False, why=f"{program} cannot be run: {error}")
        if asked.returncode:
            return Found(there=False, why=f"{program} --version: {how_it_ended(asked.returncode)}")
        version = (asked.stdout.split() or ["?"])[0]
        return Found(there=True, why=f"{program}, version {version}")

    @property
    def endpoints(self) -> tuple[str, ...]:
        return self._endpoints

    def start(self) -> None:
        deadline = time.monotonic() + self._site.spec.wait_s
        if self._folder.exists() and self._site.before is None:
            raise ClusterError(f"TiUP has a playground {self._tag} already ({self._folder})")
        (self._folder / "port").unlink(missing_ok=True)  # of the last time: it would be called too early
        folder = self._site.folder("tiup")
        self._site.say(f"Start tiup playground: {self._tag}")
        environment = {**os.environ, "NO_PROXY": _no_proxy(), "no_proxy": _no_proxy()}
        self._child = self._site.estate.start(
            "tiup",
            self._command(folder),
            folder / "output.log",
            environment=environment,
            stop_signal=signal.SIGINT,
            group=True,
        )
        self._wait(self._printed_endpoints, deadline, "TiUP has printed no PD Endpoints")
        if self._site.before is None and self._folder.is_dir():
            self._site.estate.own(self._folder)
        pd = PdHttp(self._endpoints)
        self._wait(lambda: _count_up(pd) >= self._kv(), deadline, "not every store is Up")
        self._wait(lambda: answer_or(pd.leaderless, 1) == 0, deadline, "there are Regions without a leader")
        self._pass_on()
        self._refresh()

    def scale_out(self, kv: int) -> Sequence[Instance]:
        deadline = time.monotonic() + self._site.spec.wait_s
        pd = PdHttp(self._endpoints)
        before = {view.id for view in pd.stores()}
        config = self._site.data / "tiup" / "tikv.toml"
        fields: dict[str, Any] = {"ConfigPath": str(config), "Num": 1}
        if self._site.spec.kv_binpath is not None:
            fields["BinPath"] = str(self._site.spec.kv_binpath.absolute())
        added: set[int] = set()

        def joined() -> bool:
            added.update(view.id for view in answer_or(pd.stores, ()) if view.id not in before and view.state == "Up")
            return len(added) >= kv

        try:
            for _ in range(kv):  # one POST an instance, as tiup does
                self._post(command_body("scale-out", ComponentID="tikv", **fields))
            self._wait(joined, deadline, "TiUP's new stores are not Up")
        except ClusterError as error:
            self._refresh()
            raise ClusterError(f"{kv} stores were asked for and {len(added)} joined: {error}") from None
        self._refresh()
        return [one for one in self._instances.values() if one.store_id in added]

    def scale_in(self, instance: Instance) -> str:
        return self._post(command_body("scale-in", PID=instance.pid, ComponentID="tikv")).strip()

    def instances(self) -> Sequence[Instance]:
        ended = how_it_ended(status) if (status := self._status()) is not None else ""
        found = sorted(self._instances.values(), key=lambda one: (one.role is not Role.PD, one.store_id, one.pid))
        return [replace(one, ended=one.ended or ended) for one in found]

    def look_after(self) -> None:
        status = self._status()
        if status is None:
            answer_or(self._refresh, None)
        elif not self._reported and self._child is not None:
            self._reported = True
            self._site.say(f"tiup quit: {how_it_ended(status)}")
            self._site.say(log_tail(self._child.log))

    def stop(self, grace_s: float) -> None:
        if self._child is None:
            return
        self._site.say(f"Wait tiup({self._child.pid}) to quit...")
        self._child.stop(grace_s + CALL_S / 6)  # its own patience with each process is 10 s
        for one in self._instances.values():
            reaper.end(one.pid, one.start)
        self._site.estate.ended(self._child)
        self._site.say("tiup quit")
        spec = self._site.spec
        if not spec.tag and spec.data_dir is None:
            clean_tag(self._program, self._tag, self._site.say)

    # ---- inside ----

    def _command(self, folder: Path) -> list[str]:
        spec = self._site.spec
        kv = write_toml(folder / "tikv.toml", tikv_config(read_toml(spec.kv_config), spec.region_split_size))
        pd = write_toml(folder / "pd.toml", pd_config(read_toml(spec.pd_config)))
        command = [self._program, "playground", *([spec.version] if spec.version else []), "--tag", self._tag]
        command += ["--mode", "tikv-slim", "--kv", str(self._kv()), "--pd", "1", "--host", spec.host]
        command += ["--kv.config", str(kv), "--pd.config", str(pd), "--without-monitor"]
        before = {one.name: int(one.address.rpartition(":")[2] or 0) for one in self._before()}
        pd_port, kv_port = spec.pd_port or before.get("pd-0"), spec.kv_port or before.get("tikv-0")
        for flag, value in (("--pd.port", pd_port), ("--kv.port", kv_port)):
            command += [flag, str(value)] if value is not None else []
        for flag, path in (("--pd.binpath", spec.pd_binpath), ("--kv.binpath", spec.kv_binpath)):
            command += [flag, str(path.absolute())] if path is not None else []
        return command

    def _before(self) -> Sequence[Instance]:
        return self._site.before.instances if self._site.before is not None else ()

    def _kv(self) -> int:
        """As many stores as were asked for, or as hold data already."""
        return max(self._site.spec.kv, sum(one.role is Role.TIKV for one in self._before()))

    def _printed_endpoints(self) -> bool:
        assert self._child is not None
        self._endpoints = parse_endpoints(self._child.log.read_text(errors="replace"))
        return bool(self._endpoints) and (self._folder / "port").exists()

    def _status(self) -> int | None:
        return self._child.returncode if self._child is not None else None

    def _wait(self, true: Callable[[], bool], deadline: float, else_: str) -> None:
        assert self._child is not None
        while not true():
            self._pass_on()
            if self._site.stopping.is_set():
                raise ClusterError("stopped before everything was there")
            status = self._status()
            if status is not None:
                tail = " | ".join(ANSI.sub("", log_tail(self._child.log, 3)).split("\n"))
                raise ClusterError(f"tiup ended ({how_it_ended(status)}); it said: {tail}")
            if time.monotonic() > deadline:
                raise ClusterError(f"{else_} after {self._site.spec.wait_s:g} s")
            self._site.stopping.wait(POLL_S)

    def _pass_on(self) -> None:
        """Say what TiUP says: a download can take minutes."""
        assert self._child is not None
        lines, self._read_to = news(self._child.log.read_text(errors="replace"), self._read_to)
        for line in lines:
            self._site.say(line)

    def _post(self, body: dict[str, Any]) -> str:
        try:
            port = int((self._folder / "port").read_text())
        except (OSError, ValueError):
            raise ClusterError(f"no playground of TiUP answers for {self._tag}: it has no port") from None
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/command", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=CALL_S) as answer:
                return str(answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            with error:
                text = " ".join(error.read().decode(errors="replace").split())
            raise ClusterError(f"tiup: {text or error.code}") from None
        except OSError as error:
            raise ClusterError(f"tiup does not answer: {getattr(error, 'reason', error)}") from None

    def _refresh(self) -> None:
        """Ask TiUP for pids and PD for addresses; have the reaper know the pids."""
        rows = parse_display(self._post(command_body("display")))
        views = {view.address: view for view in PdHttp(self._endpoints).stores()}
        known, found = self._instances, dict[int, Instance]()
        for pid, role, uptime in rows:
            if role not in (Role.PD, Role.TIKV):
                continue
            start = reaper.start_time(pid)
            one = known.get(pid) or self._new(pid, start, Role(role))
            view = views.get(one.address)
            if view is not None:
                one = replace(one, store_id=view.id, status_address=view.status_address or one.status_address)
            found[pid] = replace(one, ended="" if start else uptime)
            if start and pid not in self._watched:
                self._watched.add(pid)
                self._site.estate.watch(pid)
        self._instances = _in_order(found, list(views.values()))

    def _new(self, pid: int, start: str, role: Role) -> Instance:
        flags = _flags(pid)
        name = Path(flags.get("--data-dir", "")).parent.name or f"{role}-{pid}"
        if role is Role.PD:
            address = self._endpoints[0]
            status, peer = address, flags.get("--peer-urls", "").partition("://")[2]
        else:
            address = peer = flags.get("--addr", "")
            status = flags.get("--status-addr", "")
        return Instance(
            name=name, role=role, pid=pid, start=start, started_at=time.time(), address=address,
            status_address=status, peer_address=peer, log=flags.get("--log-file", ""),
        )  # fmt: skip


def _in_order(found: dict[int, Instance], views: Sequence[StoreView]) -> dict[int, Instance]:
    """Give stores whose command line cannot be read the addresses that are left, in TiUP's order and the ids'."""
    taken = {one.address for one in found.values()}
    left = iter(sorted((view for view in views if view.address not in taken), key=lambda view: view.id))
    for pid, one in found.items():
        if one.role is Role.TIKV and not one.address and not one.ended and (view := next(left, None)) is not None:
            found[pid] = replace(
                one,
                address=view.address,
                peer_address=view.address,
                status_address=view.status_address,
                store_id=view.id,
            )
    return found


def tiup_home() -> Path:
    """Where TiUP keeps everything."""
    return Path(os.environ.get("TIUP_HOME") or Path.home() / ".tiup")


def clean_instance(topology: Topology, say: Callable[[str], None]) -> None:
    """``tiup clean`` for a playground that has ended."""
    program = shutil.which("tiup")
    tag = PREFIX + topology.tag
    if program is not None:
        clean_tag(program, tag, say)
    elif (tiup_home() / "data" / tag).is_dir():
        shutil.rmtree(tiup_home() / "data" / tag, ignore_errors=True)


def clean_tag(program: str, tag: str, say: Callable[[str], None]) -> None:
    """Have TiUP remove the data of this one playground; what it leaves of the folder is removed here."""
    folder = tiup_home() / "data" / tag
    if not folder.is_dir():
        return
    try:
        asked = subprocess.run(
            [program, "clean", tag],
            capture_output=True,
            timeout=CLEAN_S,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if asked.returncode:
            say(f"tiup clean {tag}: {how_it_ended(asked.returncode)}")
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"tiup clean {tag}: {error}")
    shutil.rmtree(folder, ignore_errors=True)


def _program(spec: Spec) -> str:
    found = shutil.which(spec.tiup or "tiup")
    if found is None:
        if spec.tiup:
            raise UsageError(f"{spec.tiup} is no program that can be run")
        raise ClusterError("no tiup in PATH")
    return str(Path(found).absolute())


def _no_proxy() -> str:
    return ",".join(filter(None, ["127.0.0.1,localhost", os.environ.get("NO_PROXY") or os.environ.get("no_proxy")]))


def _flags(pid: int) -> dict[str, str]:
    """The flags of a process by name, where the system shows them."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    found = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            found[name] = value if equals else following
    return found


def _count_up(pd: PdHttp) -> int:
    return sum(view.state == "Up" for view in answer_or(pd.stores, ()))
