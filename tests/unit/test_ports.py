"""Ports are given out once, taken where they were before, and those of the gone count for nothing."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from ycsbpy.cluster.ports import PortBook, is_free
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"


def test_the_next_free_one(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "deep" / "ports.json")
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(HOST, port)
        first = book.take("a", HOST, port)
        second = PortBook(tmp_path / "deep" / "ports.json").take("b", HOST, port)
    assert len({port, first, second}) == 3


def test_a_port_that_was_asked_for_is_given_or_refused(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json")
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"PD cannot listen on {HOST}:{port}: the port is taken"):
            book.take("PD", HOST, 1, asked=port)
        with pytest.raises(ClusterError, match="which it had before: the port is taken"):
            book.take("PD", HOST, 1, before=port)
    assert book.take("PD", HOST, 1, asked=port) == port
    with pytest.raises(ClusterError, match="taken"):
        book.take("PD", HOST, 1, before=port)
    book.release()
    assert book.take("PD", HOST, 1, before=port) == port


def test_entries_of_the_gone_and_files_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    with socket.create_server((HOST, 0)) as found:
        port = found.getsockname()[1]
    file.write_text(json.dumps({port: [2**22 + 1, "long ago"]}))
    assert PortBook(file).take("PD", HOST, 1, asked=port) == port
    file.write_text("[not a book")
    assert PortBook(file).take("PD", HOST, 1, asked=port) == port


def test_a_book_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ClusterError, match="cannot write"):
        PortBook(tmp_path / "file" / "ports.json").take("PD", HOST, 1)
