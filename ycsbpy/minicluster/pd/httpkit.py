"""What PD's HTTP handlers have in common: answers, bodies and numbers as PD has them."""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from aiohttp import web

__all__ = [
    "MAX_AMOUNT",
    "Handler",
    "Json",
    "RequestError",
    "amount",
    "answer",
    "body",
    "flagged",
    "integer",
    "key_of",
    "natural",
    "naturals",
    "number",
    "path_number",
    "wanted_number",
]

Json: TypeAlias = Any
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_U64_DIGITS = 20
MAX_U64 = (1 << 64) - 1
MAX_AMOUNT = float(1 << 63)
"""Beyond it nothing that PD counts makes sense, and products of two amounts would leave what a float can hold."""
_INTEGER = re.compile(r"-?[0-9]{1,20}")


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
        value = json.loads(await request.text() or "{}", parse_constant=_no_number)
    except (ValueError, LookupError, RecursionError) as error:  # no JSON, an unknown charset, nested without end
        raise RequestError(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise RequestError("the body is no JSON object")
    return value


def _no_number(text: str) -> Json:
    raise ValueError(f"{text} is no number")


def number(text: str) -> int | None:
    """A whole number from 0 on that is written in a path or a query, or ``None``."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_U64_DIGITS else None


def integer(text: str) -> int | None:
    """The same with a sign."""
    return int(text) if _INTEGER.fullmatch(text) else None


def amount(value: Json) -> float | None:
    """A number of a body that is finite, not below 0 and not absurd, or ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_AMOUNT or not math.isfinite(value):
        return None
    return float(value)


def natural(value: Json) -> int | None:
    """A whole number of a body that fits in 64 bits, or ``None``. JSON has one kind of number: 5.0 is 5."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_U64:
        return None
    return int(value) if value == int(value) else None


def naturals(values: Json) -> list[int] | None:
    """A list of whole numbers, not empty, or ``None``."""
    if not isinstance(values, list) or not values:
        return None
    found = [natural(value) for value in values]
    return [each for each in found if each is not None] if None not in found else None


def flagged(request: web.Request, name: str) -> bool:
    """Whether a query has a flag: alone, or with any value but ``false``."""
    return name in request.query and request.query[name] != "false"


def path_number(request: web.Request, name: str, what: str) -> int:
    """A number in the path. Raises ``RequestError``."""
    found = number(request.match_info[name])
    if found is None:
        raise RequestError(f"invalid {what} id {request.match_info[name]!r}")
    return found


def wanted_number(values: Json, name: str) -> int:
    """A whole number of a body. Raises ``RequestError``."""
    found = natural(values.get(name))
    if found is None:
        raise RequestError(f"missing or invalid {name}")
    return found


def key_of(text: str, *, is_hex: bool) -> bytes:
    """A key in a query: hexadecimal, or escaped once more than the URL has it already."""
    if not is_hex:
        return unquote_to_bytes(text)
    try:
        return binascii.unhexlify(text)
    except ValueError as error:
        raise RequestError(f"invalid hex key: {error}") from None
