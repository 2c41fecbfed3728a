"""The workload template and the page of properties are what the table says, and the template is a working file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ycsbpy.config import PROPERTIES, load_config
from ycsbpy.config.generate import GENERATED, main, properties_page, workload_template

if TYPE_CHECKING:
    import pytest

PROJECT = Path(__file__).parents[2]


def test_the_files_in_the_checkout_are_what_the_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--root", str(PROJECT)]) == 0, capsys.readouterr().err


def test_check_finds_a_difference_and_writing_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert main(["--root", str(tmp_path)]) == 0
    assert main(["--check", "--root", str(tmp_path)]) == 0
    for name in GENERATED:
        path = tmp_path / name
        path.write_text(path.read_text() + "#\n")
        capsys.readouterr()
        assert main(["--check", "--root", str(tmp_path)]) == 1
        assert capsys.readouterr().err.startswith(f"{name} is not what the table says")
        main(["--root", str(tmp_path)])


def test_the_template_is_all_defaults(tmp_path: Path) -> None:
    path = tmp_path / "workload_template"
    path.write_text(workload_template())
    config = load_config([str(path)])
    assert config.warnings == ()
    assert config.non_default() == {}
    written = {name for name in config.settings if config.was_set(name)}
    assert written == {entry.name for entry in PROPERTIES if entry.default and not entry.ignored}


def test_every_alternative_in_the_template_works(tmp_path: Path) -> None:
    """Uncommented one by one, what is offered is taken."""
    offered = [line[1:] for line in workload_template().splitlines() if line[:1] == "#" and line[1:2].isalpha()]
    assert len(offered) > 20
    names = set()
    for line in offered:
        (tmp_path / "one").write_text(line + "\n")
        config = load_config([str(tmp_path / "one")])
        names.add(line.partition("=")[0])
        assert config.warnings == ()
    assert {"requestdistribution", "tikv.pd", "insertcount", "seed"} <= names


def test_every_property_is_on_the_page_and_in_the_template() -> None:
    page, template = properties_page(), workload_template()
    for entry in PROPERTIES:
        assert f"| `{entry.name}` |" in page
        assert entry.name in template


def test_the_template_is_easy_to_read() -> None:
    assert max(len(line) for line in workload_template().splitlines()) <= 110
