"""The folders of this user's playgrounds, ``$XDG_STATE_HOME/ycsbpy/playgrounds/TAG``: what they hold, who is alive.

::

    lock          held by the owning process as long as it lives, so nothing has to be guessed from pids
    state.json    the ``Topology``, mode 0600, replaced as a whole
    control.sock  where the owner answers (``ycsbpy.cluster.control``)
    playground.log · prometheus/
    data/         the processes' files, unless they are in a folder of the user's choice

A playground that was killed leaves, at worst, a folder whose lock is free: it is *stale*, is shown as such, is never
used, and may be started again under its tag or cleaned. Its state still names its processes, each by pid, start time
and the boot of the machine, so that what a crash has left can be ended, and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import string
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ycsbpy.cluster import reaper
from ycsbpy.cluster.folders import make_writable
from ycsbpy.cluster.topology import Phase, Spec, Topology
from ycsbpy.errors import ClusterError, UsageError
from ycsbpy.userdirs import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Home",
    "boot_id",
    "ended",
    "homes",
    "identified",
    "prepare",
    "read_json",
    "replace_file",
    "root",
    "running",
    "valid_tag",
]

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LOCK_TRIES, LOCK_PAUSE_S = 40, 0.05
"""Whoever only looks holds a lock for a moment; an owner that comes then tries again."""


def root() -> Path:
    """The folder of all playgrounds of this user. It need not exist."""
    return state_folder() / "playgrounds"


def boot_id() -> str:
    """A name for this run of the machine: pids and start times mean something within it only."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def valid_tag(tag: str) -> str:
    """Return ``tag``. Raises ``UsageError`` unless it can name a folder."""
    if not TAG.fullmatch(tag):
        raise UsageError(f"a tag is 1 to 64 letters, digits, dots, dashes or underscores, not {tag[:80]!r}")
    return tag


def identified(topology: Topology) -> Topology:
    """The same topology, owned by this process."""
    pid = os.getpid()
    return replace(topology, pid=pid, start=reaper.start_time(pid), boot_id=boot_id(), started_at=time.time())


def replace_file(path: Path, text: str) -> None:
    """Write a file as a whole or not at all, readable by its owner only. Raises ``OSError``."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """What a file holds; ``None`` if there is none, or no JSON in it."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Home:
    """One playground's folder."""

    path: Path

    @property
    def tag(self) -> str:
        """The playground's name."""
        return self.path.name

    @property
    def socket(self) -> Path:
        """Where its owner answers."""
        return self.path / "control.sock"

    @property
    def log(self) -> Path:
        """What an owner without a terminal writes."""
        return self.path / "playground.log"

    @property
    def data(self) -> Path:
        """Where the processes' files are if the user names no folder."""
        return self.path / "data"

    def read(self) -> Topology | None:
        """What the owner wrote last; ``None`` if there is nothing, or nothing that can be read."""
        try:
            return Topology.from_json(read_json(self.path / "state.json"))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def write(self, topology: Topology) -> None:
        """Replace the state file. Raises ``ClusterError`` if that cannot be done."""
        try:
            replace_file(self.path / "state.json", json.dumps(topology.to_json(), indent=1) + "\n")
        except OSError as error:
            raise ClusterError(f"cannot write the playground's state in {self.path}: {error.strerror}") from None

    def alive(self) -> bool:
        """Whether its owner runs."""
        handle = self._try_lock(fcntl.LOCK_SH)
        if handle is None:
            return (self.path / "lock").exists()
        os.close(handle)
        return False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be its owner. Raises ``ClusterError`` if it has one already."""
        handle = self._try_lock(fcntl.LOCK_EX, LOCK_TRIES)
        if handle is None:
            found = self.read()
            who = f" (process {found.pid})" if found is not None and found.pid else ""
            raise ClusterError(f"the playground {self.tag} runs already{who}")
        try:
            yield
        finally:
            os.close(handle)

    def remove(self) -> None:
        """Remove the folder; only its owner, or whoever found it stale, may."""
        with contextlib.suppress(OSError):
            self.socket.unlink(missing_ok=True)  # nobody is to find a playground that is being removed
        shutil.rmtree(self.path, ignore_errors=True)

    def remove_if_dead(self) -> None:
        """Remove the folder unless it has an owner."""
        with contextlib.suppress(ClusterError), self.held():
            self.remove()

    def _try_lock(self, kind: int, tries: int = 1) -> int | None:
        """An open file with the lock on it, or ``None``."""
        path = self.path / "lock"
        for attempt in range(tries):
            if attempt:
                time.sleep(LOCK_PAUSE_S)
            try:
                # Who only looks must not make a folder's lock file again that its owner has just removed.
                flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if kind == fcntl.LOCK_EX else 0)
                handle = os.open(path, flags, 0o600)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise ClusterError(f"cannot lock {path}: {error.strerror}") from None
            try:
                fcntl.flock(handle, kind | fcntl.LOCK_NB)
                if os.fstat(handle).st_ino == path.stat().st_ino:
                    return handle
            except OSError:  # held by another, or the folder was removed while we opened the file
                pass
            os.close(handle)
        return None


def homes() -> list[Home]:
    """All playgrounds of this user, alive or not, by name."""
    try:
        return [Home(path) for path in sorted(root().iterdir()) if path.is_dir() and TAG.fullmatch(path.name)]
    except OSError:
        return []


def prepare(spec: Spec) -> Home:
    """Make the folder for a playground; under a name of chance if it has no tag.

    Raises ``UsageError`` for a tag that is none, ``ClusterError`` when the playground runs already or the folder
    cannot be written.
    """
    tag = valid_tag(spec.tag) if spec.tag else _new_tag()
    home = Home(root() / tag)
    make_writable(home.path)
    if home.alive():
        with home.held():  # raises, and says who it is
            pass
    return home


def running(tag: str = "") -> Home:
    """The playground ``tag`` that runs, or the only one that does.

    Raises ``ClusterError`` if there is none, ``UsageError`` if there are several and no tag says which.
    """
    if tag:
        home = Home(root() / valid_tag(tag))
        if not home.alive():
            what_is = ", but there are its data (ycsbpy playground ps)" if home.path.is_dir() else ""
            raise ClusterError(f"no playground {tag} runs{what_is}")
        return home
    there = homes()
    alive = [home for home in there if home.alive()]
    if not alive:
        names = ", ".join(home.tag for home in there)
        what_is = f", but there are the data of {names} (ycsbpy playground ps)" if there else ""
        raise ClusterError(f"no playground runs{what_is}")
    if len(alive) > 1:
        names = ", ".join(home.tag for home in alive)
        raise UsageError(f"several playgrounds run ({names}): say which with --tag")
    return alive[0]


def _new_tag() -> str:
    """As TiUP makes one: seven letters and digits."""
    letters = string.ascii_letters + string.digits
    while True:
        tag = "".join(secrets.choice(letters) for _ in range(7))
        if not (root() / tag).exists():
            return tag


def ended(topology: Topology) -> Topology:
    """The same topology after its end."""
    return replace(topology, phase=Phase.STOPPED, pid=0, start="")
