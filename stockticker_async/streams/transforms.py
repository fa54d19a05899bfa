"""The transforms: from one row of the API to the rows of a stream.

Rows are not interpreted. The field ``ticker`` becomes ``stock_ticker``, as in the bar streams; nested rows
are separated; all other fields are unchanged. A field of the API with the name of a field that is added here
is dropped.
"""

from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Sequence
from typing import Any

import orjson

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.rows import Row, RowPage, day_of, judge_tickers, objects

Transform = Callable[[Row, str], Iterable[Row]]
"""Takes a row of the API and the requested ticker (empty: several or all), and returns our rows."""
Names = Callable[[Sequence[Row], str], bool]
"""Whether our rows of an answer name the requested ticker."""
_HASH_BYTES = 16
_DAYS = frozenset({"date", "settlement_date"})
"""The primary key fields that hold a day."""
_PRICES = ("open", "high", "low", "close", "volume")
"""The fields that the OpenAPI file (read 2026-11) requires of a session, beside its ticker and day."""
_ENVELOPE = (
    *("status", "request_id", "count", "results", "resultsCount", "queryCount", "adjusted"),
    *("next_url", "error", "message"),
)
"""The fields of an answer itself, which are not data of a session."""
_PIECE_ROWS = 1_000
"""The rows between two turns of others: of 15 fields, some milliseconds."""


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
    """Return our rows of a page, each once and with the first primary key field first.

    Two rows with the same key may differ only if the key is made here, or the API is known to repeat keys
    (``repeats``). Raises `BadPageError` for other such rows, for a missing or invalid primary key field, and
    for a row of none of the ``tickers``: then no row of the page may be used.
    """
    steps = stream_rows_in_steps(
        page,
        transform,
        asked=asked,
        primary_key=primary_key,
        identity=identity,
        tickers=tickers,
        repeats=repeats,
    )
    while True:
        try:
            next(steps)
        except StopIteration as done:
            rows: list[Row] = done.value[0]
            return rows


def stream_rows_in_steps(
    page: RowPage,
    transform: Transform,
    *,
    asked: str,
    primary_key: Sequence[str],
    identity: Sequence[str] = (),
    tickers: Collection[str] = (),
    repeats: bool = False,
) -> Generator[None, None, tuple[list[Row], Collection[Hashable]]]:
    """As `stream_rows`; gives way after each thousand rows, and returns ours and their primary keys."""
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
                raise BadPageError(f"row {number} of the answer has the same key as another row.")
            if before is ours or _differ(before, ours):
                found.append(ours)
        if number % _PIECE_ROWS == 0:
            yield
    return found, held.keys()


def _differ(row: Row, other: Row) -> bool:
    try:
        return row != other
    except RecursionError as fault:
        raise BadPageError("rows of the answer are nested too deeply.") from fault


def key_of(row: Row, primary_key: Sequence[str]) -> Hashable:
    return tuple([row[name] for name in primary_key])


def _named(shaped: Row, row: Row, identity: Sequence[str], number: int) -> bool:
    """Add an id to a row without one. Returns whether it was added."""
    if not identity or shaped.get("id") is not None:
        return False
    if all(row.get(name) is None for name in identity):
        raise BadPageError(f"row {number} of the answer has no field to identify it.")
    shaped["id"] = _identity(row, identity)
    return True


def _fault(row: Row, primary_key: Sequence[str]) -> str | None:
    """Return the fault of a primary key field or of the ticker; None if there is none."""
    for name in primary_key:
        value = row.get(name)
        article = "an" if name == "id" else "a"
        if value is None or value == "":
            return f"no {name}"
        # an id may be a number; all other key fields are strings and days
        if not (isinstance(value, str) or (name == "id" and type(value) is int)):
            return f"{article} {name} that is not a string{' or a whole number' * (name == 'id')}"
        if name in _DAYS and day_of(value) is None:
            return f"{article} {name} that is not a date"
    ticker = row.get("stock_ticker")
    if not isinstance(ticker, str | None):
        return "a stock_ticker that is not a string"
    return "a stock_ticker with spaces around it" if ticker and ticker != ticker.strip() else None


def _identity(row: Row, fields: Sequence[str]) -> str:
    """Return an id made of the values of these fields, whatever their order or page."""
    import hashlib  # noqa: PLC0415 - only a read needs it

    try:
        text = orjson.dumps([row.get(name) for name in fields])
    except TypeError as fault:  # orjson reads 1024 levels, and writes 254
        raise BadPageError("a row is nested too deeply.", detail=str(fault)) from fault
    return hashlib.blake2b(text, digest_size=_HASH_BYTES).hexdigest()


def plain(row: Row, _: str) -> list[Row]:
    """Return the row with ``ticker`` renamed to ``stock_ticker``."""
    rest = _without(row, "stock_ticker")
    return [{"stock_ticker": rest.pop("ticker"), **rest} if "ticker" in rest else rest]


def of_ticker(row: Row, asked: str) -> list[Row]:
    """As `plain`. Raises `BadPageError` for a row without a ticker."""
    if not row.get("ticker"):
        raise BadPageError("the API gave a row without a ticker.")
    return plain(row, asked)


def details(row: Row, asked: str) -> list[Row]:
    """Return the details of a ticker. Raises `BadPageError` without a name, or for another ticker."""
    if not isinstance(row.get("name"), str):
        raise BadPageError("a ticker's details are without a name.")
    if row.get("ticker") != asked:
        raise BadPageError(f"the API answered for another ticker, {str(row.get('ticker'))[:40]}.")
    return plain(row, asked)


def news(row: Row, _: str) -> list[Row]:
    """Return the article once for each of its tickers."""
    tickers = row.get("tickers")
    if not isinstance(tickers, list):
        raise BadPageError("an article's tickers are not an array.")
    names = [ticker for ticker in dict.fromkeys(map(_text, tickers)) if ticker]
    if tickers and not names:
        raise BadPageError("an article's tickers are not strings.")
    rest = _without(row, "stock_ticker")
    return [{"stock_ticker": ticker, **rest} for ticker in names]


def events(row: Row, asked: str) -> list[Row]:
    """Return each event of a company, with the name of the company if it has one."""
    found = row.get("events")
    if not isinstance(found, list | None):
        raise BadPageError("a ticker's events are not an array.")
    name = row.get("name")
    if not isinstance(name, str | None):
        raise BadPageError("the name of a ticker with events is not a string.")
    ours = {"stock_ticker": asked} if name is None else {"stock_ticker": asked, "name": name}
    return [{**ours, **_without(event, "stock_ticker", "name")} for event in objects(found or [])]


def events_name(rows: Sequence[Row], asked: str) -> bool:
    """Whether one of a company's ticker changes is to this ticker. The answer states no ticker itself."""
    changes = [row.get("ticker_change") for row in rows]
    return any(isinstance(change, dict) and change.get("ticker") == asked for change in changes)


def related(row: Row, asked: str) -> list[Row]:
    return [{"stock_ticker": asked, "related_ticker": row.get("ticker")}]


def open_close(row: Row, asked: str) -> list[Row]:
    """Return the prices of one session under the field names of the bar streams. All five are required."""
    if row.get("symbol") != asked:
        raise BadPageError(f"the API answered for another ticker, {str(row.get('symbol'))[:40]}.")
    for name in _PRICES:
        _judge_figure(name, row.get(name))
    extended = {"pre_market": row.get("preMarket"), "after_hours": row.get("afterHours")}
    for name, value in extended.items():
        if value is not None:
            _judge_figure(name, value)
    rest = _without(
        row, "symbol", "from", "preMarket", "afterHours", *_ENVELOPE, *extended, "stock_ticker", "date"
    )
    return [{"stock_ticker": asked, "date": row.get("from"), **rest, **extended}]


def _judge_figure(name: str, value: Any) -> None:
    if type(value) not in (int, float):
        raise BadPageError(f"a session's {name} is not a number.")
    if value < 0:
        raise BadPageError(f"a session's {name} is below 0.")


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
