"""The rows of forwarded streams: an answer's bytes to the API's rows, and those to ours.

Forwarded rows are not interpreted. What the API calls ``ticker`` is ``stock_ticker``, as in the streams
of bars; answers that hold rows within rows are taken apart; all else passes unharmed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from stockticker_async.errors import BadPageError

Row = dict[str, Any]
Shape = Callable[[Row, str], Iterable[Row]]
"""From one of the API's rows, and the ticker that was asked for (empty: several, or all), to ours."""
_HASH_BYTES = 16


def stated(*counts: Any) -> int | None:
    """The first whole number among the counts of an answer, whatever else stands there."""
    for count in counts:
        if isinstance(count, int | float) and not isinstance(count, bool) and count == count // 1:
            return int(count)
    return None


@dataclass(frozen=True, slots=True)
class Page:
    """The API's rows of one answer, in its order."""

    rows: list[Row]
    next_url: str | None = None
    stated: int | None = None
    """How many rows the answer says that it has (``count``, which every recorded list counts right)."""


def decode(body: bytes) -> Page:
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
        return Page(_objects(answer))
    if not isinstance(answer, dict):
        raise BadPageError("the API answered 200 with JSON that is neither an object nor an array.")
    _judge_status(answer)
    next_url = answer.get("next_url")
    if not isinstance(next_url, str | None):
        raise BadPageError("the API's next_url is no text.")
    return Page(_results(answer), next_url or None, _stated(answer))


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
            return _objects(rows)
        case dict(row):
            return [row]
        case None:
            return []
    raise BadPageError("the API's results are neither an array nor an object.")


def _stated(answer: Row) -> int | None:
    return stated(answer.get("count"), answer.get("resultsCount"))


def _objects(rows: list[Any]) -> list[Row]:
    if not all(isinstance(row, dict) for row in rows):
        raise BadPageError("the API's results hold what is no object.")
    return rows


def rows(
    page: Page, shape: Shape, *, asked: str, primary_key: Sequence[str], identity: Sequence[str] = ()
) -> list[Row]:
    """Our rows of a page, each beginning with the first field of the primary key.

    Raises `BadPageError` where a row lacks a field of the primary key, or has one that is none: then none of
    the page may be used.
    """
    found: list[Row] = []
    for row in page.rows:
        for shaped in shape(row, asked):
            if identity and shaped.get("id") is None:
                shaped["id"] = _identity(row, identity)
            if fault := _fault(shaped, primary_key):
                raise BadPageError(f"row {len(found) + 1} of the answer has {fault}.")
            first = primary_key[0]
            found.append({first: shaped[first], **shaped})
    return found


def _fault(row: Row, primary_key: Sequence[str]) -> str | None:
    """What is wrong with the values by which a row is told from others, and its ticker from others'."""
    for name in primary_key:
        value = row.get(name)
        if value is None or value == "":
            return f"no {name}"
        # the API numbers what has an id; all other keys are texts and days
        if not (isinstance(value, str) or (name == "id" and type(value) is int)):
            return f"{'an' if name == 'id' else 'a'} {name} that is no text"
    return None if isinstance(row.get("stock_ticker"), str | None) else "a stock_ticker that is no text"


def _identity(row: Row, fields: Sequence[str]) -> str:
    """A row's own id: the same for the same values, whatever order or page it came in."""
    import hashlib  # noqa: PLC0415 - commands that only show the streams do not pay for it

    text = orjson.dumps([row.get(name) for name in fields])
    return hashlib.blake2b(text, digest_size=_HASH_BYTES).hexdigest()


def plain(row: Row, asked: str) -> list[Row]:
    """The row as it is, but for the name of the ticker."""
    if "ticker" not in row:
        return [{"stock_ticker": asked, **row} if asked else dict(row)]
    rest = dict(row)
    return [{"stock_ticker": rest.pop("ticker"), **rest}]


def news(row: Row, _: str) -> list[Row]:
    """The article once for each of its tickers."""
    tickers = row.get("tickers")
    if not isinstance(tickers, list):
        raise BadPageError("an article's tickers are no array.")
    return [{"stock_ticker": ticker, **row} for ticker in dict.fromkeys(tickers) if isinstance(ticker, str)]


def events(row: Row, asked: str) -> list[Row]:
    """Each event of a company, with the company's name."""
    found = row.get("events")
    if not isinstance(found, list | None):
        raise BadPageError("a ticker's events are no array.")
    name = {"name": row["name"]} if "name" in row else {}
    return [{"stock_ticker": asked, **name, **event} for event in _objects(found or [])]


def related(row: Row, asked: str) -> list[Row]:
    return [{"stock_ticker": asked, "related_ticker": row.get("ticker")}]


def open_close(row: Row, asked: str) -> list[Row]:
    """The prices of one session, under the names that the streams of bars have."""
    if row.get("symbol") != asked:
        raise BadPageError(f"the API answered for another ticker, {str(row.get('symbol'))[:40]}.")
    rest = {name: value for name, value in row.items() if name not in ("symbol", "from", "status")}
    extended = {"pre_market": rest.pop("preMarket", None), "after_hours": rest.pop("afterHours", None)}
    return [{"stock_ticker": asked, "date": row.get("from"), **rest, **extended}]
