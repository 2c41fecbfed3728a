"""Folders of playgrounds: who holds one, what is in it, and names that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ycsbpy.cluster import statedir
from ycsbpy.cluster.topology import Spec, Topology
from ycsbpy.errors import ClusterError, UsageError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statedir.root() == tmp_path / "ycsbpy" / "playgrounds"
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    assert statedir.root() == Path.home() / ".local" / "state" / "ycsbpy" / "playgrounds"


def test_an_owner_is_the_only_one() -> None:
    home = statedir.prepare(Spec(tag="t1"))
    assert home.path.stat().st_mode & 0o777 == 0o700
    assert not home.alive()
    with home.held():
        assert home.alive()
        assert statedir.running() == statedir.running("t1") == home
        home.write(statedir.identified(Topology("t1", "minicluster")))
        assert (home.path / "state.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(ClusterError, match=r"the playground t1 runs already \(process \d+\)"):
            statedir.prepare(Spec(tag="t1"))
        home.remove_if_dead()
        assert home.path.exists()
    assert not home.alive()
    found = home.read()
    assert found is not None
    assert found.boot_id == statedir.boot_id()
    home.remove_if_dead()
    assert statedir.homes() == []


def test_which_one() -> None:
    with pytest.raises(ClusterError, match="no playground runs"):
        statedir.running()
    with pytest.raises(ClusterError, match="no playground t1 runs"):
        statedir.running("t1")
    statedir.prepare(Spec(tag="killed"))
    with pytest.raises(
        ClusterError, match=r"no playground killed runs, but there are its data \(ycsbpy playground ps\)"
    ):
        statedir.running("killed")
    with pytest.raises(ClusterError, match=r"no playground runs, but there are the data of killed \(ycsbpy play"):
        statedir.running()
    one, two = statedir.prepare(Spec(tag="a")), statedir.prepare(Spec())
    assert len(two.tag) == 7
    with one.held(), two.held(), pytest.raises(UsageError, match=r"several playgrounds run \("):
        statedir.running()


@pytest.mark.parametrize("tag", ["..", "a/b", ".hidden", "a b", "x" * 65, "-d", "a\n"])
def test_names_that_are_none(tag: str) -> None:
    with pytest.raises(UsageError, match="a tag is"):
        statedir.prepare(Spec(tag=tag))
    assert not statedir.root().exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"tag": 1}'])
def test_a_state_that_cannot_be_read_is_none(text: str) -> None:
    home = statedir.prepare(Spec(tag="t1"))
    (home.path / "state.json").write_text(text)
    assert home.read() is None


def test_a_file_is_replaced_or_left(tmp_path: Path) -> None:
    path = tmp_path / "f"
    statedir.replace_file(path, "1")
    with pytest.raises(TypeError):
        statedir.replace_file(path, 2)  # type: ignore[arg-type]
    assert path.read_text() == "1"
    assert [one.name for one in tmp_path.iterdir()] == ["f"]
