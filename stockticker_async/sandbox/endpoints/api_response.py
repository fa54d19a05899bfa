"""Responses: bodies, the API's errors, and the spelling of large numbers."""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import orjson

# Volumes and split numbers that some responses spell with an exponent; 1.300741e+06 was seen.
_LARGE = re.compile(rb'"(v|split_from|split_to)":(\d{7,}(?:\.\d+)?)(?=[,}])')

_TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

# The three 403s differ in these texts only.
_DENIED = {
    "endpoint": "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing",
    "timeframe": "Your plan doesn't include this data timeframe. Please upgrade your plan at https://massive.com/pricing",
    "early": "Attempted to request today's data before end of day. Please upgrade your plan at https://massive.com/pricing",
}
TOO_MANY = (
    "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. "
    "https://massive.com/pricing"
)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response, before compression; `request_id` is sent in a header, too."""

    status: int
    body: bytes
    request_id: str = ""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    compressed: bytes | None = None
    """The body in gzip, if it was encoded ahead."""
    as_it_is: bool = False
    """Whether it is sent without compression, whatever the client accepts."""


class ApiError(Exception):
    """Raised anywhere in an endpoint to respond with an error body."""

    def __init__(self, status: int, kind: str, key: Literal["error", "message"], text: str) -> None:
        super().__init__(text)
        self.status = status
        self._body = (kind, key, text)

    def response(self, request_id: str) -> ApiResponse:
        kind, key, text = self._body
        body = orjson.dumps({"status": kind, "request_id": request_id, key: text})
        return ApiResponse(self.status, body, request_id)


def bad_request(text: str) -> ApiError:
    return ApiError(400, "ERROR", "error", text)


def unauthorized(text: Literal["API Key was not provided", "Unknown API Key"]) -> ApiError:
    return ApiError(401, "ERROR", "error", text)


def denied(what: Literal["endpoint", "timeframe", "early"]) -> ApiError:
    return ApiError(403, "NOT_AUTHORIZED", "message", _DENIED[what])


def not_found(what: Literal["Ticker", "Data"]) -> ApiError:
    return ApiError(404, "NOT_FOUND", "message", f"{what} not found.")


def too_many() -> ApiError:
    return ApiError(429, "ERROR", "error", TOO_MANY)


def unknown_route() -> ApiResponse:
    return ApiResponse(404, b"404 page not found\n", content_type=_TEXT)


def ok(body: object, request_id: str) -> ApiResponse:
    return ApiResponse(200, orjson.dumps(body), request_id)


def scientific(body: bytes) -> bytes:
    """The body with its volumes and split numbers from a million up written with an exponent."""
    return _LARGE.sub(lambda found: b'"%b":%b' % (found[1], _exponent(found[2])), body)


def _exponent(number: bytes) -> bytes:
    whole, _, rest = number.partition(b".")
    digits = (whole[1:] + rest).rstrip(b"0")
    return whole[:1] + (b"." + digits if digits else b"") + b"e+%02d" % (len(whole) - 1)


def compress(body: bytes) -> bytes:
    """gzip, fast rather than small; the same bytes for the same body."""
    return gzip.compress(body, compresslevel=1, mtime=0)
