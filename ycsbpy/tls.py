"""What is said of TLS that does not come about: PEM files that cannot be used, and connections that one side refused.

gRPC passes on the words of the library below it ("Unwrap failed (TSI_DATA_CORRUPTED)") and leaves out what would help,
so the few that matter are put into words that name the cause. Words that are not known are passed on as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["connection_problem", "file_problem"]

_LAST_ERROR = re.compile(r"last error: (?:[A-Z_]+: )?(?:ipv[46]:)?(?P<address>\S+:\d+): (?P<rest>.*)")
_WITH_TLS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        ("Hostname Verification", "its certificate is for another name or address"),
        ("CERTIFICATE_VERIFY_FAILED: (?P<why>[^:]+)", "its certificate is not accepted: {why}"),
        ("WRONG_VERSION_NUMBER", "it does not speak TLS"),
        ("Handshake read failed", "it ended the TLS handshake: does it speak TLS?"),
        (
            "TSI_DATA_CORRUPTED|Socket closed|Connection reset",
            "it ended the connection, as it does where it does not accept the client's certificate or wants one",
        ),
    )
)
_WITHOUT_TLS = re.compile("Socket closed|Connection reset")


def file_problem(ca: Path, cert: Path | None = None, key: Path | None = None) -> tuple[str, str] | None:
    """Which of the PEM files, ``ca``, ``cert`` or ``key``, cannot be used, and why, by OpenSSL's judgement; None if
    all can. How strong keys have to be is left to the connection."""
    import ssl  # late: of all that use this module, few use TLS

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    looked_at, path, wanted = "ca", ca, "certificate in PEM"
    try:
        context.load_verify_locations(ca)
        if cert is not None and key is not None:
            looked_at, path = "cert", cert
            context.load_verify_locations(cert)
            looked_at, path, wanted = "key", key, "key in PEM that can be read without a password"
            context.load_cert_chain(cert, key, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return looked_at, f"{path}: it is not the key of {cert}"
        return looked_at, f"{path}: it holds no {wanted}"
    except OSError as error:
        return looked_at, f"{path}: {error.strerror}"
    return None


def connection_problem(details: str, *, tls: bool) -> tuple[str, str]:
    """The address in what gRPC says of a connection that failed, empty where it names none, and what is wrong there.
    ``tls`` is whether this side spoke TLS."""
    line = " ".join(details.split())
    found = _LAST_ERROR.search(line)
    address, rest = (unquote(found["address"]), found["rest"]) if found else ("", line)
    if not tls:
        closed = _WITHOUT_TLS.search(rest)
        return address, "it ended the connection: does it want TLS (tikv.ca, --ca)?" if closed else rest
    for pattern, words in _WITH_TLS:
        if matched := pattern.search(rest):
            return address, words.format(**matched.groupdict())
    return address, rest
