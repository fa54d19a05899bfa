"""The transforms of rows: from one of the API's to those of a stream.

Rows are not interpreted. What the API calls ``ticker`` is ``stock_ticker``, as in the streams of bars; an
answer that holds rows within rows is taken apart; all else passes unharmed.
"""

from collections.abc import Callable, Iterable, Sequence

import orjson

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.rows import Row, RowPage, objects

Transform = Callable[[Row, str], Iterable[Row]]
"""From one of the API's rows, and the ticker that was asked for (empty: several, or all), to ours."""
_HASH_BYTES = 16


def stream_rows(
    page: RowPage,
    transform: Transform,
    *,
    asked: str,
    primary_key: Sequence[str],
    identity: Sequence[str] = (),
) -> list[Row]:
    """Our rows of a page, each beginning with the first field of the primary key.

    Raises `BadPageError` where a row lacks a field of the primary key, or has one that is none: then none of
    the page may be used.
    """
    found: list[Row] = []
    for row in page.rows:
        for shaped in transform(row, asked):
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
    return [{"stock_ticker": asked, **name, **event} for event in objects(found or [])]


def related(row: Row, asked: str) -> list[Row]:
    return [{"stock_ticker": asked, "related_ticker": row.get("ticker")}]


def open_close(row: Row, asked: str) -> list[Row]:
    """The prices of one session, under the names that the streams of bars have."""
    if row.get("symbol") != asked:
        raise BadPageError(f"the API answered for another ticker, {str(row.get('symbol'))[:40]}.")
    rest = {name: value for name, value in row.items() if name not in ("symbol", "from", "status")}
    extended = {"pre_market": rest.pop("preMarket", None), "after_hours": rest.pop("afterHours", None)}
    return [{"stock_ticker": asked, "date": row.get("from"), **rest, **extended}]
