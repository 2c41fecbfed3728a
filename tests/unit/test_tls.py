from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from certificates import openssl

from ycsbpy.tls import connection_problem, file_problem

if TYPE_CHECKING:
    from pathlib import Path

ENDED = "it ended the connection, as it does where it does not accept the client's certificate or wants one"
VERIFY_FAILED = (
    "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:2379: Tls handshake failed"
    " (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:"
    " certificate has expired: OK"
)


def last_error(text: str, address: str = "ipv4:10.0.0.1:2379") -> str:
    return f"failed to connect to all addresses; last error: UNAVAILABLE: {address}: {text}"


@pytest.mark.parametrize(
    ("details", "tls", "said"),
    [
        (VERIFY_FAILED, True, ("10.0.0.1:2379", "its certificate is not accepted: certificate has expired")),
        (last_error("Socket closed"), True, ("10.0.0.1:2379", ENDED)),
        (last_error("Unwrap failed (TSI_DATA_CORRUPTED)"), True, ("10.0.0.1:2379", ENDED)),
        (
            last_error("Socket closed"),
            False,
            ("10.0.0.1:2379", "it ended the connection: does it want TLS (tikv.ca, --ca)?"),
        ),
        (
            last_error("Handshake read failed (Socket closed)"),
            True,
            ("10.0.0.1:2379", "it ended the TLS handshake: does it speak TLS?"),
        ),
        (
            last_error("Failed to connect to remote host: Connection refused", "ipv6:%5B::1%5D:2379"),
            True,
            ("[::1]:2379", "Failed to connect to remote host: Connection refused"),
        ),
        ("etcdserver: no\n leader", True, ("", "etcdserver: no leader")),
        ("", False, ("", "")),
    ],
)
def test_what_grpc_says(details: str, tls: bool, said: tuple[str, str]) -> None:
    assert connection_problem(details, tls=tls) == said


def test_files_that_can_be_used(certificates: Path) -> None:
    ca, cert, key = (certificates / f"{name}.pem" for name in ("ca", "client", "client-key"))
    assert file_problem(ca) is None
    assert file_problem(ca, cert, key) is None
    assert (
        file_problem(certificates / "both-cas.pem", certificates / "expired.pem", certificates / "expired-key.pem")
        is None
    )


@pytest.mark.parametrize(
    ("names", "which", "words"),
    [
        (("ca-key",), "ca", "it holds no certificate in PEM"),
        (("empty",), "ca", "it holds no certificate in PEM"),
        (("none",), "ca", "No such file or directory"),
        (("ca", "client-key", "client-key"), "cert", "it holds no certificate in PEM"),
        (("ca", "client", "server-key"), "key", "it is not the key of {folder}/client.pem"),
        (("ca", "client", "client"), "key", "it holds no key in PEM that can be read without a password"),
        (("ca", "client", "locked-key"), "key", "it holds no key in PEM that can be read without a password"),
        (("ca", "client", "none"), "key", "No such file or directory"),
    ],
)
def test_files_that_cannot(certificates: Path, tmp_path: Path, names: tuple[str, ...], which: str, words: str) -> None:
    for name in certificates.glob("*.pem"):
        (tmp_path / name.name).symlink_to(name)
    (tmp_path / "empty.pem").write_text("")
    key, locked = tmp_path / "client-key.pem", tmp_path / "locked-key.pem"
    openssl("pkey", "-in", key, "-aes128", "-passout", "pass:secret", "-out", locked)
    paths = [tmp_path / f"{name}.pem" for name in names]
    wrong = dict(zip(("ca", "cert", "key"), paths, strict=False))[which]
    assert file_problem(*paths) == (which, f"{wrong}: {words.format(folder=tmp_path)}")
