"""Bars as the API writes them: from the bytes of an answer to judged bars.

Pages are decoded into typed structs (msgspec), which takes a quarter
of the time of dicts; only when that fails are they decoded again, slowly, so that the error names
ticker, bar and field. No row is made before its whole page has been judged.

A page is judged by what the API has been seen to get wrong: the echoed ticker (another case) and
``adjusted`` (lost on a further page), order, repetition, bars outside the range that was asked.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, TypeVar, cast

import msgspec
import orjson

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize, last_day, window_days
from stockticker_async.marketdata.calendar import (
    midnight_ms,
    session_of,
    utc_text,
)
from stockticker_async.marketdata.call_limits import MIB, may_be_decoded
from stockticker_async.marketdata.rows import stated
from stockticker_async.marketdata.ticker_name import strange_name

UNIT_MS = {"second": 1000, "minute": 60_000, "hour": 3_600_000}
_SLOW_BYTES = 12 * MIB  # a full page, and more; the texts of a larger one would be copied whole
# what a line can hold: orjson writes no larger integers
_Trades = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

# No figure of a bar is negative. Of the prices, the lowest and the last are judged: each field that is judged
# costs a quarter per cent of the time of a page. A price may be 0: split-adjusted ones of penny stocks are
# rounded, and nobody says to what. None is too large: the adjusted prices of serial reverse splits reach
# billions. It is not documented that open and close lie between low and high: they are written as they come.
_Figure = Annotated[float, msgspec.Meta(ge=0)]


class Close(msgspec.Struct, gc=False):
    """What a price needs of a bar: its start, and its close. The names are the API's."""

    t: int
    c: _Figure


class Bar(Close, gc=False):
    """One bar as the API writes it."""

    o: float
    h: float
    l: _Figure  # noqa: E741 - the API's name
    v: _Figure
    vw: _Figure | None = None
    n: _Trades | _Figure | None = None
    otc: bool | None = None


class GroupedBar(Bar, gc=False):
    """A row of a grouped answer."""

    T: str = ""


class GroupedClose(Close, gc=False):
    """What a price needs of such a row."""

    T: str = ""


class _Page(msgspec.Struct):
    status: str | None = None
    adjusted: bool | None = None
    next_url: str | None = None
    error: Any = None  # read only where the status is none of success, and then whatever it holds
    message: Any = None
    resultsCount: Any = None  # noqa: N815 - the API's names
    count: Any = None

    @property
    def stated(self) -> int | None:
        """How many rows the page says that it has; None where it does not say.

        ``resultsCount`` and ``count`` are the rows of the page itself, in every recorded answer of bars.
        ``queryCount`` is not: it counts the minutes or days that the bars were made of.
        """
        return stated(self.resultsCount, self.count)


P = TypeVar("P", bound=_Page)


class Envelope(_Page):
    """What a page of one ticker's bars says of itself."""

    ticker: str | None = None
    results: Any = None


class RangePage(Envelope):
    """A page of one ticker's bars."""

    results: list[Bar] | None = None


class GroupedPage(_Page):
    """The bars of one session, all tickers."""

    results: list[GroupedBar] | None = None


class GroupedPrices(_Page):
    """The same, of which prices are all that is wanted."""

    results: list[GroupedClose] | None = None


class Asked(msgspec.Struct, frozen=True):
    """What a range call asked for, which its pages must stay within."""

    ticker: str
    first: date
    last: date
    bar: BarSize = ONE_DAY
    adjusted: bool = True

    @property
    def from_ms(self) -> int:
        """The earliest start of a bar that contains some of ``first``."""
        if self.bar.intraday:
            # nobody says from where the API counts bars of 7 minutes: one may begin the day before
            return midnight_ms(self.first) - (self.bar.multiplier - 1) * UNIT_MS[self.bar.timespan]
        return midnight_ms(self.first - timedelta(days=window_days(self.bar) - 1))

    @property
    def until_ms(self) -> int:
        """No bar starts at or after this."""
        if self.last == date.max:
            return midnight_ms(self.last) + 24 * UNIT_MS["hour"]
        return midnight_ms(self.last + timedelta(days=1))

    def following_ms(self, moment_ms: int) -> int:
        """The start of the window after the one that starts at a moment."""
        if self.bar.intraday:
            return moment_ms + self.bar.multiplier * UNIT_MS[self.bar.timespan]
        return midnight_ms(last_day(self.bar, session_of(moment_ms)) + timedelta(days=1))


_decode_range = msgspec.json.Decoder(RangePage).decode
_decode_grouped = msgspec.json.Decoder(GroupedPage).decode
_decode_grouped_prices = msgspec.json.Decoder(GroupedPrices).decode


def decode_range(body: bytes) -> RangePage:
    """Raises `BadPageError` for anything but a successful page."""
    return successful(_decoded(_decode_range, RangePage, body))


def decode_grouped(body: bytes, *, closes_only: bool = False) -> GroupedPage:
    """Raises `BadPageError` for anything but a successful answer.

    With ``closes_only`` the rows have only what a `GroupedClose` has (as in `bar_pages.Wanted`).
    """
    if closes_only:
        # the caller promises to read no more of the rows
        return cast("GroupedPage", successful(_decoded(_decode_grouped_prices, GroupedPrices, body)))
    return successful(_decoded(_decode_grouped, GroupedPage, body))


def judge_echo(page: Envelope, asked: Asked) -> None:
    """Raise `BadPageError` unless the page says of itself that it is what was asked.

    A page without bars may say nothing; of bars nobody could tell whose they are, and on which basis.
    """
    if page.ticker is None and page.results:
        raise BadPageError("the API does not say for which ticker it answered (field ticker).")
    if page.ticker is not None and page.ticker != asked.ticker:
        raise BadPageError(f"the API answered for another ticker, {page.ticker[:40]}.")
    if page.results or page.adjusted is not None:
        _judge_basis(page, adjusted=asked.adjusted)


def _judge_basis(page: _Page, *, adjusted: bool) -> None:
    if page.adjusted is None:
        raise BadPageError("the API does not say whether its bars are adjusted (field adjusted).")
    if page.adjusted is not adjusted:
        raise BadPageError(f"asked with adjusted={adjusted}, the API answered the opposite.")


def judge_grouped(
    page: GroupedPage, *, adjusted: bool, wanted: frozenset[str] | None, session: date | None = None
) -> list[GroupedBar]:
    """The bars of `judge_market`, without their tickers."""
    return judge_market(page, adjusted=adjusted, wanted=wanted, session=session)[0]


def judge_market(
    page: GroupedPage, *, adjusted: bool, wanted: frozenset[str] | None, session: date | None = None
) -> tuple[list[GroupedBar], frozenset[str]]:
    """The bars of the tickers wanted (None: of all), in the API's order, and the tickers that have a bar.

    The rows' own timestamps need not be the session's start (16:00 New York has been seen, and midnight
    too), but every one, wanted or not, has to be of the ``session``, where one is given, and to name a
    ticker: a single row of another day, or of nobody, makes the others doubtful. Raises `BadPageError`.

    The tickers are taken from the bars once, and put into one set: with a pass and a set for each question,
    the judgment took three times as long.
    """
    bars = page.results or []
    if session is not None and bars:
        _judge_session(bars, session)
    if bars:
        _judge_basis(page, adjusted=adjusted)
    names = [bar.T for bar in bars]
    traded = frozenset(names)
    strange = strange_name(names, traded)
    if strange is not None:
        raise _strange(strange)
    if wanted is not None:
        bars = [bar for bar in bars if bar.T in wanted]
        traded &= wanted
    judge_names(bars, traded)
    return bars, traded


def judge_names(bars: Sequence[GroupedBar], names: frozenset[str]) -> None:
    """Raise `BadPageError` where two bars of a session have the same ticker; ``names`` are all tickers."""
    if len(names) != len(bars):
        raise BadPageError("a ticker stands in the market's answer twice.")


def _strange(strange: str) -> BadPageError:
    if not strange:
        return BadPageError("a bar of the market's answer has no ticker (field T).")
    return BadPageError(f"a bar of the market's answer has a field T that is no ticker: {strange[:40]!r}.")


def _judge_session(bars: Sequence[Bar], session: date) -> None:
    low, high = midnight_ms(session), midnight_ms(session + timedelta(days=1))
    stamps = [bar.t for bar in bars]
    # a session has one stamp or two: comparing each took ten times as long
    if low <= stamps[0] < high and stamps.count(stamps[0]) == len(stamps):
        return
    if not all(low <= stamp < high for stamp in set(stamps)):
        strangers = sum(not low <= stamp < high for stamp in stamps)
        raise BadPageError(
            f"asked for the session of {session}, the API answered for another day ({strangers} of "
            f"{len(bars)} bars)."
        )


def _decoded(decode: Callable[[bytes], P], shape: type[P], body: bytes) -> P:
    if not may_be_decoded(body):
        raise BadPageError(
            f"the API's answer of {len(body) / MIB:.0f} MiB is too large to be decoded at once."
        )
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fast:
        return _decoded_slowly(shape, body, fast)


def _decoded_slowly(shape: type[P], body: bytes, fast: Exception) -> P:
    """Decode once more without types: to forgive what is harmless, or to say what is wrong."""
    if len(body) > _SLOW_BYTES:
        raise BadPageError(f"the answer is not of the published form: {fast}.", detail=str(fast)) from fast
    try:
        # the stdlib's, because it reads NaN, which is no JSON: as a text it is found like other texts
        raw = json.loads(body, parse_constant=str)
    except (ValueError, RecursionError):
        what = "an HTML page" if body.lstrip()[:1] == b"<" else "no whole JSON"
        raise BadPageError(f"the API answered 200 with {what}.", detail=str(fast)) from fast
    if not isinstance(raw, dict):
        raise BadPageError("the API answered 200 with JSON that is no object.", detail=str(fast)) from fast
    results = raw.get("results")
    bars = results if isinstance(results, list) else []
    for bar in bars:
        if isinstance(bar, dict) and isinstance(bar.get("t"), float) and bar["t"].is_integer():
            bar["t"] = int(bar["t"])  # 1.6e+12 is a whole timestamp in scientific notation
    try:
        page = msgspec.convert(raw, shape)
        orjson.loads(body)  # which refuses what the stdlib forgives: 1e999, halves of surrogates
    # a name of half a surrogate cannot be compared with ours
    except (msgspec.ValidationError, orjson.JSONDecodeError, UnicodeEncodeError) as fault:
        raise BadPageError(_where(bars, fast), detail=str(fast)) from fault
    return page


def _where(bars: list[Any], fast: Exception) -> str:
    """The field and the bar that a typed decoding refused, in words."""
    for place, bar in enumerate(bars):
        try:
            msgspec.convert(bar, Bar)
        except msgspec.ValidationError as refused:
            return f"bar {place + 1}{_moment(bar)} is not usable: {refused}."
        except UnicodeEncodeError:
            return f"bar {place + 1}{_moment(bar)} is not usable: the name of a field is no Unicode text."
    return f"the answer is not of the published form: {fast}."


def _moment(bar: Any) -> str:
    """When a bar of unknown form begins, where it says so."""
    moment = bar.get("t") if isinstance(bar, dict) else None
    return f" ({utc_text(moment)})" if isinstance(moment, int) and 0 <= moment < 10**14 else ""


def successful(page: P) -> P:
    """The page, or `BadPageError` with the reason that it gives."""
    # DELAYED is what plans with late data answer; older answers had no status at all
    if page.status not in (None, "OK", "DELAYED"):
        said = str(page.error or page.message or "no reason given")[:200]
        raise BadPageError(f"the API answered 200 with status {page.status[:40]}: {said}")
    return page
