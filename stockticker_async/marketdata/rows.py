"""The rows of the API's lists and look-ups: from the bytes of an answer to judged rows, not interpreted."""

from dataclasses import dataclass
from typing import Any

import orjson

from stockticker_async.errors import BadPageError

Row = dict[str, Any]


def stated(*counts: Any) -> int | None:
    """The first whole number among the counts of an answer, whatever else stands there."""
    for count in counts:
        if isinstance(count, int | float) and not isinstance(count, bool) and count == count // 1:
            return int(count)
    return None


@dataclass(frozen=True, slots=True)
class RowPage:
    """The API's rows of one answer, in its order."""

    rows: list[Row]
    next_url: str | None = None
    stated: int | None = None
    """How many rows the answer says that it has (``count``, which every recorded list counts right)."""


def decode_rows(body: bytes) -> RowPage:
    """The rows under ``results``, of which there may be none or one; a bare array; or the answer itself.

    An answer without ``results`` has none only where it says so: ``count`` is 0.

    Raises `BadPageError` for anything but a successful answer of that form.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        what = "an HTML page" if body.lstrip()[:1] == b"<" else "no whole JSON"
        raise BadPageError(f"the API answered 200 with {what}.", detail=str(fault)) from fault
    if answer in ({}, []):
        # the API says "none" with a status, and has no array that is ever empty
        raise BadPageError("the API answered 200 with JSON in which there is nothing.")
    if isinstance(answer, list):
        return RowPage(objects(answer))
    if not isinstance(answer, dict):
        raise BadPageError("the API answered 200 with JSON that is neither an object nor an array.")
    _judge_status(answer)
    next_url = answer.get("next_url")
    if not isinstance(next_url, str | None):
        raise BadPageError("the API's next_url is no text.")
    return RowPage(_results(answer), next_url or None, _stated(answer))


def _judge_status(answer: Row) -> None:
    status = answer.get("status")
    if status not in (None, "OK", "DELAYED"):
        said = str(answer.get("error") or answer.get("message") or "no reason given")[:200]
        raise BadPageError(f"the API answered 200 with status {str(status)[:40]}: {said}")


def _results(answer: Row) -> list[Row]:
    if "results" not in answer:
        if "symbol" in answer:
            return [answer]
        if _stated(answer) == 0:
            return []
        raise BadPageError("the API answered 200 in an unknown form, without results.")
    match answer["results"]:
        case list(rows):
            return objects(rows)
        case dict(row):
            return [row]
        case None:
            return []
    raise BadPageError("the API's results are neither an array nor an object.")


def _stated(answer: Row) -> int | None:
    return stated(answer.get("count"), answer.get("resultsCount"))


def objects(rows: list[Any]) -> list[Row]:
    """The rows, which are objects, or `BadPageError`."""
    if not all(isinstance(row, dict) for row in rows):
        raise BadPageError("the API's results hold what is no object.")
    return rows
