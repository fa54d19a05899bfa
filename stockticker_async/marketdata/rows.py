"""Decodes the rows of the API's lists and look-ups: validated, but not interpreted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import orjson

from stockticker_async.errors import BadPageError

Row = dict[str, Any]
ENVELOPE = frozenset(
    {"status", "error", "message", "count", "resultsCount", "next_url", "ticker", "stock_symbol"}
)
"""The fields of a list that are read, beside its rows. Others may be of any size."""
Form = Literal["list", "object", "flat"]
"""The form of an answer: an array of rows, under ``results`` or bare; one row under ``results``; or a row."""
_MOST_COPIED_BYTES = 32 * 2**20
"""orjson decodes a copy of a text of up to this size; no known answer is larger.

msgspec needs no copy, but keeps integers of more than 64 bits, which cannot be encoded again.
"""


def stated(*counts: Any) -> int | None:
    """Return the first whole number among the counts of an answer; None if there is none."""
    for count in counts:
        if isinstance(count, int | float) and not isinstance(count, bool) and count == count // 1:
            return int(count)
    return None


@dataclass(frozen=True, slots=True)
class RowPage:
    """The API's rows of one answer, in order."""

    rows: list[Row]
    next_url: str | None = None
    stated: int | None = None
    """The number of rows that the answer states (``count``, which is right in every recorded list)."""
    echo: str | None = None
    """The ticker that a list states for itself, where it does (``ticker`` or ``stock_symbol``)."""


def decode_rows(body: bytes, form: Form = "list") -> RowPage:
    """Return the rows of an answer of this form; there may be none.

    An answer without rows has ``results`` that are null or an empty array, or no ``results`` and a ``count``
    of 0. An empty object is not a row.

    Raises `BadPageError` for anything but a successful answer of that form.
    """
    fault = ""
    try:
        answer = orjson.loads(body) if len(body) <= _MOST_COPIED_BYTES else _decoded(body)
    except ValueError as error:
        fault = str(error)
    if fault:  # the decoder's error would be the context of ours, and holds all of the text
        what = "an HTML page" if body.lstrip()[:1] == b"<" else "no whole JSON"
        if "infinity" in fault or "out of range" in fault:
            what = "a number that is too large to be read"
        raise BadPageError(f"the API answered 200 with {what}.", detail=fault)
    if answer in ({}, []):
        # an answer without rows has a status, and bare arrays are never empty
        raise BadPageError("the API answered 200 with an empty JSON value.")
    if isinstance(answer, list) and form == "list":
        return RowPage(objects(answer))
    if not isinstance(answer, dict):
        raise BadPageError("the API answered 200 with JSON of another form.")
    return page_of(answer, form)


def _decoded(body: bytes) -> Any:
    """Return the value of a JSON text, of which no copy is made. Raises `ValueError`."""
    import msgspec  # noqa: PLC0415 - few answers are large, and `discover` reads none

    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from None


def page_of(answer: Row, form: Form) -> RowPage:
    """As `decode_rows`, for an object that is decoded already."""
    _judge_status(answer)
    next_url = answer.get("next_url")
    if not isinstance(next_url, str | None):
        raise BadPageError("the API's next_url is not a string.")
    if form == "flat" and "symbol" in answer:
        return RowPage([answer])
    said = answer.get("ticker", answer.get("stock_symbol"))
    echo = said if isinstance(said, str) else None
    return RowPage(_results(answer, form), next_url or None, _stated(answer), echo)


def _judge_status(answer: Row) -> None:
    status = answer.get("status")
    if status not in (None, "OK", "DELAYED"):
        said = str(answer.get("error") or answer.get("message") or "no reason given")[:200]
        raise BadPageError(f"the API answered 200 with status {str(status)[:40]}: {said}")


def _results(answer: Row, form: Form) -> list[Row]:
    if "results" not in answer:
        if _stated(answer) == 0:
            return []
        raise BadPageError("the API answered 200 in an unknown form, without results.")
    match answer["results"], form:
        case (([] | None), _):
            return []
        case list(rows), "list":
            return objects(rows)
        case dict(row), "object":
            return objects([row])
    due = "an array" if form == "list" else "one object" if form == "object" else "the answer itself"
    raise BadPageError(f"the API's results must be {due}.")


def _stated(answer: Row) -> int | None:
    return stated(answer.get("count"), answer.get("resultsCount"))


def objects(rows: list[Any]) -> list[Row]:
    """Return the rows. Raises `BadPageError` unless all are objects with fields."""
    if not all(isinstance(row, dict) for row in rows):
        raise BadPageError("the API's results contain a value that is not an object.")
    if not all(rows):
        raise BadPageError("the API's results contain an empty object.")
    return rows


def judge_tickers(found: Collection[object], asked: Collection[str]) -> None:
    """Raise `BadPageError` if tickers were requested and a row has none of them."""
    if asked and not any(isinstance(name, str) and name in asked for name in found):
        names = ", ".join(str(name)[:40] for name in list(found)[:3])
        raise BadPageError(f"the API answered for another ticker, {names or 'none'}.")


def day_of(value: object) -> date | None:
    """Return a day in the format of the API, 2020-12-21; None for other values."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    # the API does not use other forms of ISO 8601, as 20201221 and 2020-W52-1
    return day if day is not None and day.isoformat() == value else None
