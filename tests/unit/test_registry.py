"""Drivers by name: the built-in ones without metadata, third parties by entry point, and what is said when it
fails."""

from __future__ import annotations

import builtins
import importlib.metadata
import sys
import types
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from ycsbpy.config import Kind, Property, make_config
from ycsbpy.drivers import registry
from ycsbpy.drivers.base import Driver
from ycsbpy.drivers.memory import MemoryDriver
from ycsbpy.drivers.registry import choose_driver, driver_class, driver_names, driver_properties
from ycsbpy.errors import DriverError, NotSupportedError, PropertyError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


class OtherDriver(MemoryDriver):
    name = "other"


class HalfDriver(Driver):
    name = "half"

    async def open(self) -> None: ...


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Entry points that are installed: name → object that is found there, an exception, or a list of those."""
    module = types.ModuleType("third_party")
    monkeypatch.setitem(sys.modules, "third_party", module)
    found: dict[str, Any] = {}

    def entry_points(*, group: str) -> list[EntryPoint]:
        assert group == "ycsbpy.drivers"
        entries = []
        for name, one in found.items():
            for number, target in enumerate(one if isinstance(one, list) else [one]):
                attribute = f"{name.replace('-', '_')}{number}"
                setattr(module, attribute, target)
                where = "no_such_module" if target is None else "third_party"
                entries.append(EntryPoint(name, f"{where}:{attribute}", group))
        return entries

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return found


@pytest.fixture
def without_tikv_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on every CPython but 3.11."""
    real = builtins.__import__

    def imported(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "tikv_client":
            raise ModuleNotFoundError("No module named 'tikv_client'", name="tikv_client")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "ycsbpy.drivers.tikv_client", raising=False)
    monkeypatch.setattr(builtins, "__import__", imported)


@pytest.mark.usefixtures("declared")
def test_built_in_drivers_need_no_metadata() -> None:
    assert driver_names() == ["memory", "native", "tikv", "tikv-client", "tikv-python"]
    assert driver_class("memory") is MemoryDriver
    assert driver_class("tikv-python").name == "tikv-python"


def test_built_in_drivers_are_those_of_the_metadata() -> None:
    """The same table is in pyproject.toml, for whoever looks at the installed package's entry points."""
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert dict(registry._BUILT_IN) == project["project"]["entry-points"]["ycsbpy.drivers"]


def test_a_third_party_is_found_by_its_entry_point(declared: dict[str, Any]) -> None:
    declared["other"] = OtherDriver
    assert "other" in driver_names()
    assert driver_class("other") is OtherDriver
    assert choose_driver("other", make_config()) == ("other", OtherDriver, "")


def test_a_built_in_name_cannot_be_taken_over(declared: dict[str, Any]) -> None:
    declared.update({"memory": OtherDriver, "tikv": OtherDriver})
    assert driver_class("memory") is MemoryDriver
    assert driver_names() == ["memory", "native", "tikv", "tikv-client", "tikv-python"]


@pytest.mark.usefixtures("declared")
def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        driver_class("tikv-pyton")
    assert str(caught.value) == (
        'unknown database "tikv-pyton"; there are memory, native, tikv, tikv-client, tikv-python; '
        'did you mean "tikv-python"?'
    )
    with pytest.raises(UsageError) as caught:
        choose_driver("tikvv", make_config())
    assert str(caught.value) == (
        'unknown database "tikvv"; there are memory, native, tikv, tikv-client, tikv-python; did you mean "tikv"?'
    )


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (None, "driver \"other\" of no_such_module:other0 cannot be imported: No module named 'no_such_module'"),
        (object(), 'driver "other" of third_party:other0 is not a subclass of Driver or SyncDriver'),
        (dict, 'driver "other" of third_party:other0 is not a subclass of Driver or SyncDriver'),
        (
            HalfDriver,
            'driver "other" of third_party:other0 lacks close, delete, from_config, insert, read, scan, update',
        ),
        (
            [OtherDriver, OtherDriver],
            'driver "other" is declared by several packages: third_party:other0, third_party:other1',
        ),
    ],
    ids=["import", "object", "class", "abstract", "twice"],
)
def test_a_driver_that_cannot_be_used_is_one_line(declared: dict[str, Any], target: Any, line: str) -> None:
    declared["other"] = target
    with pytest.raises(DriverError) as caught:
        driver_class("other")
    assert str(caught.value) == line


def test_auto_takes_the_fastest_that_is_installed() -> None:
    choice = choose_driver("tikv", make_config())
    assert (choice.name, choice.reason) == ("native", "the fastest that is installed")


def test_auto_passes_over_native_for_a_workload_that_decides_in_python() -> None:
    pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    choice = choose_driver("tikv", make_config(), natively_drawn=False)
    assert choice.name == "tikv-client"
    assert choice.reason == "native: it cannot run a workload that decides in Python"


@pytest.mark.usefixtures("without_tikv_client")
def test_auto_says_why_it_passed_one_over() -> None:
    choice = choose_driver("tikv", make_config(), natively_drawn=False)
    assert choice.name == "tikv-python"
    assert choice.reason == (
        "native: it cannot run a workload that decides in Python; "
        "driver \"tikv-client\" of ycsbpy cannot be imported: No module named 'tikv_client'"
    )


def test_auto_takes_the_one_that_can_do_what_is_asked(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    monkeypatch.setattr("ycsbpy.drivers.tikv_native._has_tls", lambda: False)
    choice = choose_driver("tikv", make_config({"tikv.ca": certificates / "ca.pem"}))
    assert choice.name == "tikv-python"
    assert choice.reason == (
        "tikv.ca: native was built without OpenSSL, so it has no TLS; write tikv.driver=tikv-python; "
        "tikv.ca: tikv-client has no TLS; write tikv.driver=tikv-python"
    )


def test_a_named_driver_is_taken_without_a_reason_and_refuses_by_itself(certificates: Path) -> None:
    pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    authority = certificates / "ca.pem"
    config = make_config({"tikv.driver": "tikv-client", "tikv.ca": authority, "tikv.pd": "127.0.0.1:2379"})
    choice = choose_driver("tikv", config)
    assert (choice.name, choice.reason) == ("tikv-client", "")
    with pytest.raises(NotSupportedError, match=r"tikv-client has no TLS; write tikv\.driver=tikv-python"):
        choice.driver_class.from_config(config)


@pytest.mark.usefixtures("declared")
def test_nothing_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BUILT_IN", dict.fromkeys(("native", "tikv-client", "tikv-python"), "no_such:X"))
    with pytest.raises(DriverError, match=r"no TiKV driver can be used: .*native.*; .*tikv-client.*; .*tikv-python"):
        choose_driver("tikv", make_config())


class TunableDriver(MemoryDriver):
    name = "other"
    properties = (Property("other.size", Kind.INT, "3", "How large."),)


def test_a_third_party_driver_of_tikv_is_a_choice_and_brings_its_properties(declared: dict[str, Any]) -> None:
    declared["other"] = TunableDriver
    for given in (None, "auto"):
        config = make_config({"tikv.driver": "auto"}, extra=driver_properties("tikv", given))
        assert "other.size" not in config.properties
    config = make_config({"tikv.driver": "other", "other.size": 5}, extra=driver_properties("tikv", "other"))
    assert config.integer("other.size") == 5
    assert choose_driver("tikv", config) == ("other", TunableDriver, "")
    config = make_config({"other.size": 4}, extra=driver_properties("other"))
    assert config.integer("other.size") == 4


@pytest.mark.usefixtures("declared")
def test_without_third_parties_there_is_nothing_to_add() -> None:
    assert driver_properties("tikv", "auto") == []
    assert driver_properties("memory") == []
    with pytest.raises(PropertyError, match="not one of its choices"):
        make_config({"tikv.driver": "other"}, extra=driver_properties("tikv", "other"))
