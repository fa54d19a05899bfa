"""Faults on request: which response is spoiled, and how.

A fault waits for requests whose path it matches, lets `after` of them pass and spoils the next `times`.
Faults of status, headers and body are made here; faults of the connection by `connection_faults`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal, get_args
from uuid import uuid4

import orjson

from stockticker_async.sandbox.bucket.file_changes import CHANGES, Applied, Change
from stockticker_async.sandbox.bucket.s3_errors import CODES, S3Error
from stockticker_async.sandbox.data.flat_rows import HEADER
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, compress, too_many

Kind = Literal[
    "status", "429", "body", "edit", "corrupt_gzip", "reset", "cut", "torn", "leave", "hang", "drip",
    "s3_error", "file",
]  # fmt: skip
Edit = Literal[
    "wrong_ticker", "flip_adjusted", "unordered", "duplicate", "out_of_range", "null_price", "missing",
    "next_url",
]  # fmt: skip
Transform = Literal["html", "half", "array", "error", "empty"]

_LATE = 86_400.0  # seconds
_TEN_YEARS_MS = 3652 * 86_400_000
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The requests to spoil, and how; the fields in use depend on `kind`.

    - status: `status`, `body`, `content_type`, `headers` instead of the response
    - 429: `retry_after` as written, or `date:30` for the HTTP date 30 s from now; `body`, None: the usual one
    - body: the body after `transform`, or `body` instead; `content_type` if given
    - edit: `edit` of a page with results; `next_url` is self, cycle (of two, or `cycle:N` pages),
      foreign, or the text itself
    - corrupt_gzip: a gzip body with a broken middle
    - reset: a reset of the connection, instead of a response
    - cut: half of the body, then the end of the connection; `framing` is how the length was announced
    - torn: half of the body, then a reset of the connection
    - leave: the whole response, as if the connection were kept, and then its end
    - hang: a wait of `seconds` before the response, None for ever
    - drip: half of the body, then a byte every `seconds`, None for silence for ever
    - s3_error: the error `code` of S3 instead of the response
    - file: not a response, but a flat file is changed, from the request after `after` on, as long as the
      fault is there: `change` is its name, `column` what missing_column takes away, `seconds` how late late
      is (None: a day)

    Faults that send half of the body send `part` bytes of it instead, if given.
    """

    kind: Kind
    match: str = ""
    """A regular expression, searched for in the path as sent; empty matches all."""
    times: int | None = 1
    """None: for ever."""
    after: int = 0
    status: int = 500
    body: str | bytes | Callable[[bytes], bytes] | None = None
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: str | None = None
    transform: Transform | None = None
    edit: Edit = "unordered"
    next_url: str = "self"
    framing: Literal["length", "chunked", "close"] = "length"
    seconds: float | None = None
    part: int | None = None
    method: str = ""
    """The only method whose requests are counted; empty counts all."""
    code: str = "SlowDown"
    change: Change = "touched"
    column: str = "close"

    @classmethod
    def parsed(cls, given: Mapping[str, Any]) -> "Fault":
        """A fault out of JSON; raises ValueError for an invalid fault."""
        unknown = given.keys() - {known.name for known in fields(cls)}
        if unknown:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        if given.get("kind") not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}")
        if given.get("code", "SlowDown") not in CODES:
            raise ValueError(f"code must be one of {', '.join(sorted(CODES))}")
        if given.get("change", "touched") not in CHANGES:
            raise ValueError(f"change must be one of {', '.join(CHANGES)}")
        if given.get("column", "close") not in HEADER:
            raise ValueError(f"column must be one of {', '.join(HEADER)}")
        try:
            re.compile(given.get("match", ""))
        except re.error as error:
            raise ValueError(f"match is no regular expression: {error}") from None
        return cls(**given)

    def content(self, body: bytes) -> bytes:
        """The body instead of `body`; empty by default."""
        match self.body:
            case None:
                return b""
            case bytes():
                return self.body
            case str():
                return self.body.encode()
            case transform:
                return transform(body)


@dataclass(slots=True)
class Live:
    """A fault at work: the number of requests seen, and the URLs spoiled, in order."""

    fault: Fault
    since: float = 0.0
    """Epoch seconds of the sandbox's clock."""
    seen: int = 0
    urls: list[str] = field(default_factory=list)

    def strikes(self, path: str, method: str) -> bool:
        """Count a request and return whether to spoil it."""
        fault = self.fault
        if fault.method not in ("", method) or not re.search(fault.match, path):
            return False
        self.seen += 1
        spoiled = self.seen - fault.after
        return spoiled > 0 and (fault.times is None or spoiled <= fault.times)

    def changes(self, path: str) -> bool:
        """Whether the file at a path is changed: from the beginning, or since the request after `after`."""
        fault = self.fault
        begun = not fault.after or self.seen > fault.after
        return fault.kind == "file" and begun and re.search(fault.match, path) is not None


class Faults:
    def __init__(self, now: Callable[[], float]) -> None:
        """`now` returns epoch seconds of the sandbox's clock."""
        self._live: list[Live] = []
        self._now = now

    def add(self, fault: Fault) -> None:
        self._live.append(Live(fault, self._now()))

    def clear(self) -> None:
        self._live.clear()

    def take(self, path: str, method: str) -> Live | None:
        """The fault that spoils a request: the first fault that strikes; later faults do not count it."""
        for live in self._live:
            if live.fault.kind != "file":
                if live.strikes(path, method):
                    return live
            elif live.strikes(path, method) and live.seen == live.fault.after + 1 > 1:
                live.since = self._now()
        return None

    def changes(self, path: str) -> tuple[Applied, ...]:
        """The changes of the flat file at a path, in the order of their faults."""
        return tuple(
            Applied(live.fault.change, live.since, live.fault.column, live.fault.seconds or _LATE)
            for live in self._live
            if live.changes(path)
        )


def instead(fault: Fault, path: str, now: datetime) -> ApiResponse:
    """The response of a status, 429 or s3_error fault, which uses neither the API nor the allowance."""
    if fault.kind == "s3_error":
        return S3Error(fault.code).response(path, fault.headers)
    if fault.kind == "status":
        return ApiResponse(
            fault.status, fault.content(b""), "", fault.content_type or "text/html", fault.headers
        )
    response = too_many().response(uuid4().hex)
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = _retry_after(fault.retry_after, now)
    body = response.body if fault.body is None else fault.content(b"")
    return replace(response, body=body, headers=headers)


def _retry_after(text: str, now: datetime) -> str:
    word, _, seconds = text.partition(":")
    if word != "date":
        return text
    return format_datetime(now + timedelta(seconds=float(seconds)), usegmt=True)


def spoiled(live: Live, response: ApiResponse, url: str) -> ApiResponse:
    """The response to `url`, spoiled; faults of the connection leave it alone, and faults of pages a file."""
    fault = live.fault
    if response.as_it_is and (fault.kind in ("edit", "corrupt_gzip") or fault.transform == "empty"):
        return response
    match fault.kind:
        case "body":
            body = _transformed(fault, response)
            content_type = "text/html" if fault.transform == "html" else response.content_type
            return replace(
                response, body=body, compressed=None, content_type=fault.content_type or content_type
            )
        case "edit":
            live.urls.append(url)
            page = orjson.loads(response.body)
            if isinstance(page, dict) and page.get("results"):
                _edited(page, fault, live.urls)
            return replace(response, body=orjson.dumps(page), compressed=None)
        case "corrupt_gzip":
            whole = compress(response.body)
            middle = len(whole) // 2
            torn = (
                whole[:middle]
                + bytes(byte ^ 0xFF for byte in whole[middle : middle + 8])
                + whole[middle + 8 :]
            )
            return replace(response, body=torn, headers={**response.headers, "Content-Encoding": "gzip"})
        case _:
            return response


def _transformed(fault: Fault, response: ApiResponse) -> bytes:
    match fault.transform:
        case "html":
            return _HTML
        case "half":
            return response.body[: len(response.body) // 2]
        case "array":
            return b"[]"
        case "error":
            error = {"status": "ERROR", "request_id": response.request_id, "error": "Something went wrong."}
            return orjson.dumps(error)
        case "empty":
            page = orjson.loads(response.body)
            for name in ("results", "next_url", "count"):
                page.pop(name, None)
            return orjson.dumps({**page, "queryCount": 0, "resultsCount": 0})
        case _:
            return fault.content(response.body)


def _edited(page: dict[str, Any], fault: Fault, urls: list[str]) -> None:
    """Change one thing of a page with rows."""
    rows = page["results"]
    match fault.edit:
        case "wrong_ticker":
            _rename(page, rows)
        case "flip_adjusted":
            page["adjusted"] = not page["adjusted"]
        case "next_url":
            _redirected(page, fault.next_url, urls)
        case edit:
            _DISORDER[edit](rows)


def _rename(page: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Swap the case of the ticker wherever it stands."""
    for place, name in ((page, "ticker"), *((row, name) for row in rows for name in ("T", "ticker"))):
        if name in place:
            place[name] = place[name].swapcase()


def _redirected(page: dict[str, Any], target: str, urls: list[str]) -> None:
    """Set next_url: to this page, back to the first page of a cycle, to another host, or to any text."""
    url = urls[-1]
    match target.split(":"):
        case ["self"]:
            page["next_url"] = url
        case ["cycle", *length]:
            if len(urls) % int(length[0] if length else 2) == 0:
                page["next_url"] = urls[0]
        case ["foreign"]:
            path = page.get("next_url", url).split("/", 3)[3]
            page["next_url"] = f"https://api.example.com/{path}"
        case _:
            page["next_url"] = target


def _null_price(rows: list[dict[str, Any]]) -> None:
    rows[0]["c"] = None


def _drop(rows: list[dict[str, Any]]) -> None:
    del rows[len(rows) // 2]


_DISORDER: dict[Edit, Callable[[list[dict[str, Any]]], None]] = {
    "unordered": lambda rows: rows.reverse(),
    "duplicate": lambda rows: rows.insert(1, dict(rows[0])),
    "out_of_range": lambda rows: rows.append({**rows[-1], "t": rows[-1]["t"] + _TEN_YEARS_MS}),
    "null_price": _null_price,
    "missing": _drop,
}
