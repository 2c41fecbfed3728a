"""A page in headless Chromium: what it became, what it complained of, what it asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PROGRAM", "Visit", "needs_browser", "off_loopback", "visit"]

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BROWSERS_OWN = "not an origin"
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="no Chromium in PATH")


@dataclass(frozen=True)
class Visit:
    """``dom`` is the page after its scripts ran for a while; ``console`` its messages; ``asked`` what it fetched."""

    dom: str
    console: list[str]
    asked: list[str]


def visit(address: str, folder: Path, *, size: str = "1100,900", for_ms: int = 5000) -> Visit:
    """Open a page for so long (of the browser's own time)."""
    assert PROGRAM is not None
    log = folder / "net.json"
    command = [
        PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-component-update", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={folder / 'profile'}", f"--window-size={size}",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", f"--log-net-log={log}", "--enable-logging=stderr",
        f"--virtual-time-budget={for_ms}", "--dump-dom", address,
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environment)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if '"initiator":' in line]
    requests = [json.loads(line.rstrip(","))["params"] for line in lines]
    asked = [request["url"] for request in requests if request["initiator"] != BROWSERS_OWN]
    return Visit(done.stdout, console, list(dict.fromkeys(asked)))


def off_loopback(urls: list[str]) -> list[str]:
    """Those that are of the network and not of this machine."""
    return [url for url in urls if urlsplit(url).scheme in ("http", "https", "ws", "wss", "ftp")
            and urlsplit(url).hostname not in ("127.0.0.1", "localhost")]  # fmt: skip
