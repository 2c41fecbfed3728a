"""Stores that are taken out: asked of PD, ended when it says Tombstone, with their folders, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from ycsbpy.cluster.backends import processes
from ycsbpy.cluster.backends.base import Site
from ycsbpy.cluster.backends.processes import Launch, ProcessBackend, how_it_ended, local_environment
from ycsbpy.cluster.pdhttp import StoreView
from ycsbpy.cluster.topology import Role, Spec
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

    from ycsbpy.cluster.tikv import Place


class Pd:
    """PD, as far as a backend asks it."""

    views: dict[int, StoreView]
    refuses = ""

    def __init__(self, _endpoints: object) -> None:
        pass

    def healthy(self) -> bool:
        return True

    def leaderless(self) -> int:
        return 0

    def stores(self) -> list[StoreView]:
        return list(self.views.values())

    def store(self, store_id: int) -> StoreView | None:
        return self.views.get(store_id)

    def delete_store(self, store_id: int) -> None:
        if self.refuses:
            raise ClusterError(self.refuses)
        self._state(store_id, "Offline")

    @classmethod
    def _state(cls, store_id: int, state: str) -> None:
        old = cls.views[store_id]
        cls.views[store_id] = StoreView(old.id, old.address, "", state, 0, 0)


class FakeChild:
    """A process that runs until it is stopped."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid, self.log, self.returncode = pid, log, cast("int | None", None)

    def ask_to_stop(self) -> None:
        pass

    def stop(self, _grace_s: float = 5.0) -> int:
        self.returncode = self.returncode or 0
        return self.returncode


class FakeEstate:
    """Children that are numbers."""

    def __init__(self) -> None:
        self.children: dict[str, FakeChild] = {}

    def start(self, name: str, _command: object, log: Path, **_more: object) -> FakeChild:
        self.children[name] = FakeChild(2**22 + len(self.children) + 1, log)
        return self.children[name]

    def own(self, _path: Path) -> None:
        pass

    def ended(self, _child: object) -> None:
        pass


class Ports:
    """The usual ones, one after the other."""

    def __init__(self) -> None:
        self.given = 0

    def take(self, _what: str, _host: str, usual: int, **_more: object) -> int:
        self.given += 1
        return usual + self.given


class Backend(ProcessBackend):
    name = "test"

    def _launch_pd(self, place: Place) -> Launch:
        return Launch(["pd"], "", {})

    def _launch_store(self, place: Place) -> Launch:
        number = len(Pd.views) + 1
        Pd.views[number] = StoreView(number, place.address, "", "Up", 0, 0)
        return Launch(["store"], "", {})


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Backend, FakeEstate, list[str]]:
    monkeypatch.setattr(processes, "PdHttp", Pd)
    Pd.views, Pd.refuses = {}, ""
    said: list[str] = []
    estate: Any = FakeEstate()
    ports: Any = Ports()
    backend = Backend(Site(Spec(kv=2), estate, tmp_path, said.append, ports))
    backend.start()
    return backend, estate, said


def test_scale_in(made: tuple[Backend, FakeEstate, list[str]], tmp_path: Path) -> None:
    backend, estate, said = made
    leaving = backend.instances()[1]
    assert backend.scale_in(leaving) == "tikv will be stop when tombstone"
    backend.look_after()
    assert len(backend.instances()) == 3
    Pd._state(leaving.store_id, "Tombstone")
    backend.look_after()
    assert [one.name for one in backend.instances()] == ["pd-0", "tikv-1"]
    assert said[-1] == f"stop tombstone tikv {leaving.address}"
    assert estate.children["tikv-0"].returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pd-0", "tikv-1"]
    assert backend.scale_out(1)[0].name == "tikv-2"  # a name is never used again


def test_pd_refuses(made: tuple[Backend, FakeEstate, list[str]]) -> None:
    backend, _, _ = made
    Pd.refuses = "PD at x: too few stores"
    with pytest.raises(ClusterError, match="too few stores"):
        backend.scale_in(backend.instances()[1])
    with pytest.raises(ClusterError, match="pd-0 is no store"):
        backend.scale_in(backend.instances()[0])


def test_what_ends_is_reported_once(made: tuple[Backend, FakeEstate, list[str]]) -> None:
    backend, estate, said = made
    estate.children["tikv-1"].returncode = -9
    backend.look_after()
    backend.look_after()
    assert said.count("tikv-1 quit: signal 9") == 1
    assert [one.ended for one in backend.instances() if one.role is Role.TIKV] == ["", "signal 9"]


def test_words_and_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (how_it_ended(-9), how_it_ended(3)) == ("signal 9", "exit status 3")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("http_proxy", "http://proxy:1")
    assert not {"HTTPS_PROXY", "http_proxy"} & set(local_environment())
