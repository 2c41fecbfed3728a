"""Certificates for tests of TLS, made by the ``openssl`` command; without it those tests are skipped."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "[server]\nsubjectAltName = IP:127.0.0.1\n[elsewhere]\nsubjectAltName = IP:127.0.0.2, DNS:localhost\n"


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_certificates(folder: Path) -> None:
    """``ca``, ``other-ca``, ``server``, ``client``, ``elsewhere`` (of another address), ``expired`` and
    ``other-server`` (signed by ``other-ca``, the others by ``ca``), each as NAME.pem and NAME-key.pem; and
    ``both-cas.pem``."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    (folder / "extensions").write_text(SERVER)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "other-ca"):
        files = ("-keyout", folder / f"{name}-key.pem", "-out", folder / f"{name}.pem")
        openssl("req", "-x509", *key, *files, "-days", 30, "-subj", f"/CN={name}")
    for name in ("server", "client", "elsewhere", "expired", "other-server"):
        signer = "other-ca" if name == "other-server" else "ca"
        section = "elsewhere" if name == "elsewhere" else "server"
        files = ("-keyout", folder / f"{name}-key.pem", "-out", folder / f"{name}.csr")
        openssl("req", *key, *files, "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", folder / f"{name}.csr", "-out", folder / f"{name}.pem"),
            *("-days", -1 if name == "expired" else 30),
            *("-CA", folder / f"{signer}.pem", "-CAkey", folder / f"{signer}-key.pem", "-set_serial", len(name)),
            *("-extfile", folder / "extensions", "-extensions", section),
        )
    both = [(folder / f"{name}.pem").read_text() for name in ("ca", "other-ca")]
    (folder / "both-cas.pem").write_text("".join(both))
