"""What ``ycsbpy doctor`` looks at: each check is a function that says what it found and what that means.

Nothing is imported here that needs a native module: that one is missing is what a doctor has to be able to say. A
check is *needed* where nothing works without it, or where the user has named what it looks at, as a PD. What would only
be nice to have is said and is no failure.
"""

from __future__ import annotations

import enum
import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ycsbpy import __version__
from ycsbpy.cli.facts import native_modules
from ycsbpy.config import TikvSettings, load_config
from ycsbpy.errors import ClusterError, UsageError, YcsbpyError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ycsbpy.cluster.locate import TlsFiles
    from ycsbpy.config import Config

__all__ = ["Check", "State", "clock", "cores", "drivers", "environment", "folders", "installed", "open_files", "pd",
           "programs", "settings"]  # fmt: skip

FILES_WANTED = 1024
"""Open files: some hundreds of connections and the rest of a process."""
SPACE_WANTED = 1 << 30
"""Bytes for a mini-cluster's data."""
SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit")
PROGRAMS = {"tiup": "--version", "pd-server": "-V", "tikv-server": "-V"}
"""Programs that playgrounds run, and the flag that makes each tell its version."""
READINGS = 2_000
OTHER_VARIABLES = ("YCSBPY_DEBUG", "YCSBPY_SANITIZE", "YCSBPY_COVERAGE", "YCSBPY_ESTATE")
"""Of the build, and of processes that ycsbpy starts."""

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)([^;]*)(?:;(.*))?")
_RELEASE = re.compile(r"Release Version:\s*(\S+)")


class State(enum.StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"  # not there, and not needed
    WARN = "warn"  # works, and may not be what one wants
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the result. ``needed`` is whether a failure makes the whole fail, with ``exit_code``."""

    name: str
    state: State
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    needed: bool = False
    exit_code: int = 1

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "state": str(self.state), "text": self.text, "needed": self.needed, **self.facts}


def installed() -> list[Check]:
    """ycsbpy, its native modules, and the packages that it needs."""
    python = f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})"
    checks = [Check("ycsbpy", State.OK, f"{__version__}, {python}, {platform.system()} {platform.machine()}")]
    for module in native_modules():
        problem = "" if not module.built else _import_problem(f"ycsbpy._native.{module.name}")
        needed = module.name in ("generators", "recording")
        state = State.FAIL if problem or (needed and not module.built) else State.OK if module.built else State.NOTE
        by = f"built by {module.compiler}" if module.compiler else "built"
        text = problem or (by if module.built else module.why)
        checks.append(Check(f"native {module.name}", state, text, {"compiler": module.compiler}, needed=needed))
    return [*checks, *_packages()]


def _import_problem(name: str) -> str:
    try:
        importlib.import_module(name)
    except ImportError as error:
        return " ".join(str(error).split())
    return ""


def _packages() -> list[Check]:
    try:
        required = importlib.metadata.requires("ycsbpy") or []
    except importlib.metadata.PackageNotFoundError:
        return [Check("packages", State.NOTE, "ycsbpy runs from a checkout that is not installed")]
    versions: dict[str, str] = {}
    missing = []
    for line in required:
        found = _REQUIREMENT.match(line)
        if found is None or (found[3] and "extra ==" in found[3]):
            continue
        try:
            versions[found[1]] = importlib.metadata.version(found[1])
        except importlib.metadata.PackageNotFoundError:
            missing += [found[1]] if not found[3] else []  # with a marker: only for some Pythons
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    if missing:
        return [Check("packages", State.FAIL, f"missing: {', '.join(missing)}", versions, needed=True)]
    return [Check("packages", State.OK, text, {"versions": versions})]


def settings(user_file: Path | None) -> tuple[Check, Config]:
    """The user's own file; with what it says, or with the defaults where it cannot be read."""
    if user_file is None:
        return Check("settings", State.NOTE, "there is no file of your own"), load_config()
    try:
        config = load_config(user_file=user_file)
        TikvSettings.from_config(config)  # looks at the files that it names
    except YcsbpyError as error:
        return Check("settings", State.FAIL, str(error), needed=True, exit_code=error.exit_code), load_config()
    written = sorted(name for name in config.settings if config.was_set(name))
    return Check("settings", State.OK, f"{user_file} sets {', '.join(written) or 'nothing'}"), config


def environment(variables: Iterable[str], given: Mapping[str, str] = os.environ) -> list[Check]:
    """Variables that stand for flags, and those that look as if they did."""
    known = sorted({*variables, *OTHER_VARIABLES})
    ours = sorted(name for name in given if name.startswith("YCSBPY_"))
    unknown = [name for name in ours if name not in known]
    checks = [Check(name, State.WARN, f"no flag has this variable{did_you_mean(name, known)}") for name in unknown]
    used = [name for name in ours if name in known]
    return checks + ([Check("environment", State.OK, f"set: {', '.join(used)}")] if used else [])


def drivers(config: Config) -> list[Check]:
    """Each driver: whether it can be imported, and whether it can do what the user's own properties ask for."""
    try:
        from ycsbpy.drivers.registry import DATABASE_TIKV, choose_driver, driver_names
    except ImportError as error:  # a native module is missing, which has been said
        return [Check("drivers", State.FAIL, " ".join(str(error).split()), needed=True)]
    checks = [_driver(name, config) for name in driver_names() if name != DATABASE_TIKV]
    try:
        choice = choose_driver(DATABASE_TIKV, config)
    except YcsbpyError as error:
        return [*checks, Check("tikv.driver", State.FAIL, str(error), needed=True, exit_code=error.exit_code)]
    text = f"{choice.name}{f': {choice.reason}' if choice.reason else ', as your file says'}"
    return [*checks, Check("tikv.driver", State.OK, text, {"driver": choice.name})]


def _driver(name: str, config: Config) -> Check:
    from ycsbpy.drivers.registry import driver_class
    from ycsbpy.drivers.tikv_raw import RawTikvDriver

    try:
        found = driver_class(name)
    except YcsbpyError as error:
        return Check(f"driver {name}", State.NOTE, str(error))
    if not issubclass(found, RawTikvDriver):
        return Check(f"driver {name}", State.OK, "works")
    if refused := found.refusals(TikvSettings.from_config(config)):
        reasons = "; ".join(f"{prop}: {why}" for prop, why in refused.items())
        return Check(f"driver {name}", State.NOTE, reasons)
    return Check(f"driver {name}", State.OK, f"works, by {found.package} {importlib.metadata.version(found.package)}")


def open_files() -> Check:
    """How many files, and so connections, a process may have open."""
    try:
        import resource
    except ImportError:
        return Check("open files", State.NOTE, "this system does not say how many")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    facts = {"soft": soft, "hard": hard}
    if soft != resource.RLIM_INFINITY and soft < FILES_WANTED:
        text = f"only {soft} (at most {hard}); for many connections: ulimit -n {FILES_WANTED}"
        return Check("open files", State.WARN, text, facts)
    return Check("open files", State.OK, f"{soft} (at most {hard})", facts)


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> Check:
    """Processors that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    facts: dict[str, Any] = {"usable": usable, "present": os.cpu_count()}
    try:
        allowed, period = quota.read_text().split()[:2]
        facts["quota"] = None if allowed == "max" else int(allowed) / int(period)
    except (OSError, ValueError):
        facts["quota"] = None
    text = f"{usable} of {facts['present']}"
    if facts["quota"] is not None and facts["quota"] < usable:
        return Check("cores", State.WARN, f"{text}, and a quota of {facts['quota']:g}: threads will be halted", facts)
    if usable == 1:
        return Check("cores", State.WARN, f"{text}: the load and what it is measured with share one", facts)
    return Check("cores", State.OK, text, facts)


def clock(folder: Path = Path("/sys/devices/system/clocksource/clocksource0")) -> Check:
    """Where time comes from, how fine it is, and what a reading costs from Python."""
    info = time.get_clock_info("monotonic")
    try:
        source = (folder / "current_clocksource").read_text().strip()
    except OSError:
        source = ""
    readings = [time.monotonic_ns() for _ in range(READINGS)]
    cost = (readings[-1] - readings[0]) / (READINGS - 1)
    steps = [later - earlier for earlier, later in pairwise(readings) if later > earlier]
    facts: dict[str, Any] = {
        "clocksource": source,
        "implementation": info.implementation,
        "resolution_ns": round(info.resolution * 1e9),
        "smallest_step_ns": min(steps, default=0),
        "reading_ns": round(cost),
    }
    text = f"{source or platform.system()}, {info.implementation}, resolution {facts['resolution_ns']} ns, "
    text += f"smallest step {facts['smallest_step_ns']} ns, {cost:.0f} ns a reading"
    if source in SLOW_CLOCKS:
        return Check("clock", State.WARN, f"{text}; {source} is slow to read, tsc is not", facts)
    if facts["resolution_ns"] > 1_000:
        return Check("clock", State.WARN, f"{text}; too coarse for latencies of microseconds", facts)
    return Check("clock", State.OK, text, facts)


def folders(state: Path) -> list[Check]:
    """Where playgrounds and the shell keep things, and where an embedded cluster puts its data."""
    checks = []
    for name, folder in (("state folder", state), ("temporary folder", Path(tempfile.gettempdir()))):
        there = next(one for one in (folder, *folder.parents) if one.exists())
        free = shutil.disk_usage(there).free
        facts = {"folder": str(folder), "free_bytes": free}
        if not os.access(there, os.W_OK):
            checks.append(Check(name, State.FAIL, f"{folder} cannot be written", facts, needed=True, exit_code=4))
        elif free < SPACE_WANTED:
            checks.append(Check(name, State.WARN, f"{folder}, only {free / (1 << 20):,.0f} MiB free", facts))
        else:
            checks.append(Check(name, State.OK, f"{folder}, {free / (1 << 30):,.1f} GiB free", facts))
    return checks


def programs() -> list[Check]:
    """TiUP and TiKV's programs on PATH, and which of them a playground would take."""
    from ycsbpy.cluster.backends import choose
    from ycsbpy.cluster.topology import Spec

    checks = [_program(name, flag) for name, flag in PROGRAMS.items()]
    backend, why = choose(Spec())
    return [*checks, Check("playground", State.OK, f"{backend}: {why}", {"backend": backend})]


def _program(name: str, flag: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name, State.NOTE, "not on PATH", {"path": None})
    try:
        asked = subprocess.run([path, flag], capture_output=True, timeout=30, check=False, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name, State.WARN, f"{path} cannot be run: {error}", {"path": path})
    said = asked.stdout or asked.stderr
    found = _RELEASE.search(said)
    version = found[1] if found else (said.split() or ["of unknown version"])[0]
    return Check(name, State.OK, f"{path}, {version}", {"path": path, "version": version})


async def pd(given: tuple[str, ...], config: Config, tls: TlsFiles | None = None) -> list[Check]:
    """The cluster that load and run would use: PD, and its stores. It is needed if the user has named it.

    ``tls`` is stronger than what the configuration says of TLS.
    """
    from ycsbpy.cluster.locate import Kind, TlsFiles, locate

    tikv = TikvSettings.from_config(config)
    tls = TlsFiles.of(tikv) if tls is None else tls
    try:
        found = await locate(given or tikv.pd, tls=tls)
    except (ClusterError, UsageError) as error:
        return [Check("pd", State.FAIL, str(error), needed=True, exit_code=error.exit_code)]
    if found.kind is Kind.EMBEDDED:
        return [Check("pd", State.NOTE, f"{found.why}: load and run would start a mini-cluster")]
    facts = {"endpoints": list(found.endpoints), **found.facts}
    checks = [Check("pd", State.OK, found.why, facts, needed=True)]
    return [*checks, _stores(found.endpoints, tls)]


def _stores(endpoints: tuple[str, ...], tls: TlsFiles | None) -> Check:
    from ycsbpy.cluster.pdhttp import PdHttp

    try:
        listed = [one["store"] for one in PdHttp(endpoints, tls=tls).get("/stores").get("stores") or []]
    except (ClusterError, AttributeError, KeyError, TypeError) as error:
        return Check("stores", State.FAIL, f"PD does not say: {error}", needed=True, exit_code=4)
    facts = {"stores": [{key: one.get(key) for key in ("id", "address", "state_name", "version")} for one in listed]}
    up = sum(one.get("state_name") == "Up" for one in listed)
    versions = ", ".join(sorted({str(one.get("version") or "?") for one in listed}))
    text = f"{up} of {len(listed)} are Up, version {versions}"
    if not up:
        return Check("stores", State.FAIL, text, facts, needed=True, exit_code=4)
    return Check("stores", State.OK if up == len(listed) else State.WARN, text, facts)
