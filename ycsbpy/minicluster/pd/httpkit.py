"""What PD's HTTP handlers have in common: answers, bodies and numbers as PD has them."""

from __future__ import annotations

import binascii
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from aiohttp import web

__all__ = ["Handler", "Json", "RequestError", "answer", "body", "key_of", "number", "path_number", "wanted_number"]

Json: TypeAlias = Any
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_U64_DIGITS = 20


class RequestError(Exception):
    """A request that is answered with a status and PD's text for it, as a JSON string."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def answer(value: Json, *, status: int = 200, compact: bool = False) -> web.Response:
    """JSON as PD writes it: indented, but for lists of Regions."""
    text = json.dumps(value, separators=(",", ":")) if compact else json.dumps(value, indent=2) + "\n"
    return web.Response(status=status, text=text, content_type="application/json", charset="UTF-8")


async def body(request: web.Request) -> Json:
    """The request's JSON object. Raises ``RequestError``."""
    try:
        value = json.loads(await request.text() or "{}")
    except (ValueError, UnicodeDecodeError) as error:
        raise RequestError(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise RequestError("the body is no JSON object")
    return value


def number(text: str) -> int | None:
    """A whole number from 0 on, or ``None``."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_U64_DIGITS else None


def path_number(request: web.Request, name: str, what: str) -> int:
    """A number in the path. Raises ``RequestError``."""
    found = number(request.match_info[name])
    if found is None:
        raise RequestError(f"invalid {what} id {request.match_info[name]!r}")
    return found


def wanted_number(values: Json, name: str) -> int:
    """A whole number of a body. Raises ``RequestError``."""
    found = values.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or found != int(found) or found < 0:
        raise RequestError(f"missing or invalid {name}")
    return int(found)


def key_of(text: str, *, is_hex: bool) -> bytes:
    """A key in a query: hexadecimal, or escaped once more than the URL has it already."""
    if not is_hex:
        return unquote_to_bytes(text)
    try:
        return binascii.unhexlify(text)
    except ValueError as error:
        raise RequestError(f"invalid hex key: {error}") from None
