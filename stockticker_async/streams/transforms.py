"""The transforms of rows: from one of the API's to those of a stream.

Rows are not interpreted. What the API calls ``ticker`` is ``stock_ticker``, as in the streams of bars; an
answer that holds rows within rows is taken apart; all else passes unharmed. The names that are given here
are ours alone: a field of the API's that has one of them by chance is left out.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Any

import orjson

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.rows import Row, RowPage, day_of, judge_tickers, objects

Transform = Callable[[Row, str], Iterable[Row]]
"""From one of the API's rows, and the ticker that was asked for (empty: several, or all), to ours."""
_HASH_BYTES = 16
_DAYS = frozenset({"date", "settlement_date"})
"""The fields of primary keys that are days."""
_PRICES = ("open", "high", "low", "close", "volume")
"""What the OpenAPI file (read 2026-11) requires of a session, beside the names that say whose it is."""
_ENVELOPE = (
    *("status", "request_id", "count", "results", "resultsCount", "queryCount", "adjusted"),
    *("next_url", "error", "message"),
)
"""What the API's answers say of themselves, wherever: nothing of a session."""


def stream_rows(
    page: RowPage,
    transform: Transform,
    *,
    asked: str,
    primary_key: Sequence[str],
    identity: Sequence[str] = (),
    tickers: Collection[str] = (),
    repeats: bool = False,
) -> list[Row]:
    """Our rows of a page, each beginning with the first field of the primary key, and each once.

    Two rows with one key may differ only where that key is made here, or the API is known to do so
    (``repeats``). Raises `BadPageError` where others do, where a row lacks a field of the primary key, or has
    one that is none, and where it is of none of the ``tickers``: then none of the page may be used.
    """
    found: list[Row] = []
    held: dict[Hashable, Row] = {}
    for number, row in enumerate(page.rows, 1):
        shapes = list(transform(row, asked))
        judge_tickers([shaped.get("stock_ticker") for shaped in shapes], tickers)
        for shaped in shapes:
            made = _named(shaped, row, identity, number)
            if fault := _fault(shaped, primary_key):
                raise BadPageError(f"row {number} of the answer has {fault}.")
            ours = {primary_key[0]: shaped[primary_key[0]], **shaped}
            before = held.setdefault(key_of(ours, primary_key), ours)
            if before is not ours and not (made or repeats) and _differ(before, ours):
                raise BadPageError(f"row {number} of the answer has the key of another one.")
            if before is ours or _differ(before, ours):
                found.append(ours)
    return found


def _differ(row: Row, other: Row) -> bool:
    try:
        return row != other
    except RecursionError as fault:
        raise BadPageError("rows of the answer are nested too deeply.") from fault


def key_of(row: Row, primary_key: Sequence[str]) -> Hashable:
    return tuple([row[name] for name in primary_key])


def _named(shaped: Row, row: Row, identity: Sequence[str], number: int) -> bool:
    """Give a row without an id one, and tell whether it was needed."""
    if not identity or shaped.get("id") is not None:
        return False
    if all(row.get(name) is None for name in identity):
        raise BadPageError(f"row {number} of the answer has nothing to be told by.")
    shaped["id"] = _identity(row, identity)
    return True


def _fault(row: Row, primary_key: Sequence[str]) -> str | None:
    """What is wrong with the values by which a row is told from others, and its ticker from others'."""
    for name in primary_key:
        value = row.get(name)
        article = "an" if name == "id" else "a"
        if value is None or value == "":
            return f"no {name}"
        # the API numbers what has an id; all other keys are texts and days
        if not (isinstance(value, str) or (name == "id" and type(value) is int)):
            return f"{article} {name} that is not a string"
        if name in _DAYS and day_of(value) is None:
            return f"{article} {name} that is not a date"
    ticker = row.get("stock_ticker")
    if not isinstance(ticker, str | None):
        return "a stock_ticker that is not a string"
    return "a stock_ticker with spaces around it" if ticker and ticker != ticker.strip() else None


def _identity(row: Row, fields: Sequence[str]) -> str:
    """A row's own id: the same for the same values, whatever order or page it came in."""
    import hashlib  # noqa: PLC0415 - commands that only show the streams do not pay for it

    text = orjson.dumps([row.get(name) for name in fields])
    return hashlib.blake2b(text, digest_size=_HASH_BYTES).hexdigest()


def plain(row: Row, _: str) -> list[Row]:
    """The row as it is, but for the name of the ticker, where it has one."""
    rest = _without(row, "stock_ticker")
    return [{"stock_ticker": rest.pop("ticker"), **rest} if "ticker" in rest else rest]


def of_ticker(row: Row, asked: str) -> list[Row]:
    """The same, where every row is of a ticker."""
    if not row.get("ticker"):
        raise BadPageError("the API gave a row without a ticker.")
    return plain(row, asked)


def details(row: Row, asked: str) -> list[Row]:
    """What the reference has of a ticker: its name at least."""
    if not isinstance(row.get("name"), str):
        raise BadPageError("a ticker's details are without a name.")
    if row.get("ticker") != asked:
        raise BadPageError(f"the API answered for another ticker, {str(row.get('ticker'))[:40]}.")
    return plain(row, asked)


def news(row: Row, _: str) -> list[Row]:
    """The article once for each of its tickers."""
    tickers = row.get("tickers")
    if not isinstance(tickers, list):
        raise BadPageError("an article's tickers are not an array.")
    names = [ticker for ticker in dict.fromkeys(map(_text, tickers)) if ticker]
    if tickers and not names:
        raise BadPageError("an article's tickers are not strings.")
    rest = _without(row, "stock_ticker")
    return [{"stock_ticker": ticker, **rest} for ticker in names]


def events(row: Row, asked: str) -> list[Row]:
    """Each event of a company, with the company's name, where it has one."""
    found = row.get("events")
    if not isinstance(found, list | None):
        raise BadPageError("a ticker's events are not an array.")
    name = row.get("name")
    if not isinstance(name, str | None):
        raise BadPageError("the name of a ticker with events is not a string.")
    ours = {"stock_ticker": asked} if name is None else {"stock_ticker": asked, "name": name}
    return [{**ours, **_without(event, "stock_ticker", "name")} for event in objects(found or [])]


def related(row: Row, asked: str) -> list[Row]:
    return [{"stock_ticker": asked, "related_ticker": row.get("ticker")}]


def open_close(row: Row, asked: str) -> list[Row]:
    """The prices of one session, under the names that the streams of bars have; all five are due."""
    if row.get("symbol") != asked:
        raise BadPageError(f"the API answered for another ticker, {str(row.get('symbol'))[:40]}.")
    for name in _PRICES:
        if type(row.get(name)) not in (int, float):
            raise BadPageError(f"a session's {name} is not a number.")
    extended = {"pre_market": row.get("preMarket"), "after_hours": row.get("afterHours")}
    rest = _without(
        row, "symbol", "from", "preMarket", "afterHours", *_ENVELOPE, *extended, "stock_ticker", "date"
    )
    return [{"stock_ticker": asked, "date": row.get("from"), **rest, **extended}]


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
