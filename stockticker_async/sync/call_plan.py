"""Finds the calls that answer the requested windows at the lowest price: values in, a value out.

Theory of operation. Two endpoints give day bars: a *range* call, one ticker from one date to another,
always one page; and a *grouped* call, every ticker of the market for one session. A plan is a choice
of the sessions to ask grouped. A ticker whose window lies wholly among them needs no call of its own;
each other ticker takes one range call. What is always true:

- Every weekday of every window is answered, by the ticker's range call or by a grouped call; each
  ticker wholly by the one or by the other. A part by each never saves a call: a range call costs one
  whatever its length, so a ticker that needs one at all may as well be answered by it from end to end:
  all that a shorter one spares is a row a session, and thousands of rows weigh as much as a call.
- A possible session is a weekday. A calendar of holidays is advice that can be wrong, and a session
  not asked is a silent gap; believing none costs some ten empty grouped calls a year. So no calendar
  enters here. A window without a weekday needs no call, and no plan names its ticker.
- Nothing outside the windows is asked, and no session twice.

The price of a call and of its rows is one integer: calls and rows weighed, or, where an allowance
rations the calls, calls first and rows to break ties. The plan's price is the least there is, for any
windows whatever: see `session_runs`.

A third way of asking: a *flat file* of a session, which costs bytes and no call. It answers what a grouped
call answers, for minutes, too. So a session has the price of the cheaper of the two (for minutes, of the
file), which may differ from day to day. Whether a file is published is found out later, and is not a part of
the plan.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import ceil

import msgspec

from stockticker_async.marketdata.endpoints import MARKET_ROWS, PAGE_ROWS
from stockticker_async.sync.session_runs import Span as _Span
from stockticker_async.sync.session_runs import best_runs, inside

ROWS_A_CALL = 5_000
"""The number of rows that weigh as much as a call. An estimate: about 0.4 MB, which takes one or two round
trips to transfer and decode. Six tickers and five sessions
are then six calls, not five markets; a hundred tickers and five sessions are five markets."""

DAY_FILE_ROWS = 3_750
MINUTE_FILE_ROWS = 250_000
"""The rows of answers that take as many bytes as a flat file: 0.3 MB, and 20 MB."""
MINUTE_ROWS = 600
"""The expected minute bars of a ticker in a session: 390 in regular hours, and the rest before and after."""

MOST_MINUTES = 960
"""The minutes of a session with pre-market and after-hours trading: 04:00 to 20:00 New York. The API has bars
for all of them, and a heavily traded stock has nearly all of these bars."""


class Window(msgspec.Struct, frozen=True):
    """The New York dates to read for a ticker, both ends included."""

    ticker: str
    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"The window of {self.ticker} ends {self.last}, before its start {self.first}.")


class RangeCall(msgspec.Struct, frozen=True):
    """The bars of one ticker, both dates included."""

    ticker: str
    first: date
    last: date


class GroupedCall(msgspec.Struct, frozen=True):
    """The day bars of the whole market for one session."""

    session: date


class FileCall(msgspec.Struct, frozen=True):
    """The flat file of the whole market for one session."""

    session: date


class FileOffer(msgspec.Struct, frozen=True):
    """Which sessions flat files can answer, and at what price."""

    rows: int
    """The rows of answers that take as many bytes as a file."""
    until: date = date.max
    """Files answer sessions before this day."""
    listed_from: date = date.max
    """From this day on, each file needs a grouped call beside it, which tells the OTC stocks."""

    def price(self, call_price: int, market_rows: int, session: date) -> int:
        """Return the price of a session's file."""
        return self.rows + (call_price + market_rows if session >= self.listed_from else 0)


class CallPlan(msgspec.Struct, frozen=True):
    """Range calls in the order of the windows given, grouped calls and files ascending, none twice.

    `by_session` are the tickers whose whole window the grouped calls and the files answer. `rows_per_session`
    (of a ticker) and `market_rows` are what is expected of the calls; `rows` follows from them.
    `listed_files` is the number of files that need a grouped call.
    """

    ranges: tuple[RangeCall, ...] = ()
    grouped: tuple[GroupedCall, ...] = ()
    files: tuple[FileCall, ...] = ()
    listed_files: int = 0
    by_session: frozenset[str] = frozenset()
    market_rows: int = MARKET_ROWS
    rows_per_session: float = 1.0

    @property
    def calls(self) -> int:
        """The number of calls of the API, without retries: each call fits one page."""
        return len(self.grouped) + len(self.ranges) + self.listed_files

    @property
    def rows(self) -> int:
        """The expected number of downloaded base bars, including bars of other tickers in grouped calls."""
        weekdays = sum(weekdays_in(call.first, call.last) for call in self.ranges)
        return len(self.grouped) * self.market_rows + round(weekdays * self.rows_per_session)


def plan_days(
    windows: Sequence[Window],
    *,
    allowance: int | None,
    market_rows: int = MARKET_ROWS,
    files: FileOffer | None = None,
) -> CallPlan:
    """Return the cheapest plan for the day bars of these windows, one window a ticker.

    `allowance` is calls a minute, None where none is known: then calls and rows are weighed, else
    the fewest calls win. With `files`, a session before their end is answered by its file where that is
    cheaper than a grouped call. Raises ValueError for a ticker given twice.
    """
    _refuse_repeated(windows)
    spans = [_span(window.first, window.last) for window in windows]
    counts = Counter((first, end) for first, end in spans if first < end)
    file_price = 0 if files is None else files.rows
    call_price = _call_price(counts, allowance, market_rows + file_price)
    savings = {(first, end): n * (call_price + end - first) for (first, end), n in counts.items()}
    grouped_price = call_price + market_rows
    filed = 0 if files is None or files.rows >= grouped_price else _weekdays_before(files.until.toordinal())
    runs = best_runs(savings, lambda day: min(day, filed) * file_price + max(0, day - filed) * grouped_price)
    saved = inside(runs, counts)
    unsaved = counts.keys() - saved
    pairs = list(zip(windows, spans, strict=True))
    numbers = [number for run in runs for number in range(*run)]
    return CallPlan(
        ranges=tuple(RangeCall(w.ticker, w.first, w.last) for w, span in pairs if span in unsaved),
        grouped=tuple(GroupedCall(_weekday(number)) for number in numbers if number >= filed),
        files=tuple(FileCall(_weekday(number)) for number in numbers if number < filed),
        by_session=frozenset(w.ticker for w, span in pairs if span in saved),
        market_rows=market_rows,
    )


def plan_minutes(
    windows: Sequence[Window],
    files: FileOffer,
    *,
    allowance: int | None,
    page_rows: int = PAGE_ROWS,
    market_rows: int = MARKET_ROWS,
) -> CallPlan:
    """Return the cheapest plan for the minute bars of these windows: files, or the pieces of `plan_intraday`.

    Each ticker is answered wholly by the one or the other. Raises ValueError for a ticker given twice.
    """
    _refuse_repeated(windows)
    spans = [_span(window.first, window.last) for window in windows]
    counts = Counter((first, end) for first, end in spans if first < end)
    call_price = _call_price(counts, allowance, market_rows + files.rows + MINUTE_ROWS)
    days = _piece_days(page_rows, 1)
    savings = {
        (first, end): n * (ceil((end - first) / days) * call_price + (end - first) * MINUTE_ROWS)
        for (first, end), n in counts.items()
    }
    listed = _weekdays_before(files.listed_from.toordinal())
    extra = call_price + market_rows
    runs = best_runs(savings, lambda day: day * files.rows + max(0, day - listed) * extra)
    saved = inside(runs, counts)
    pairs = list(zip(windows, spans, strict=True))
    numbers = [number for run in runs for number in range(*run)]
    return CallPlan(
        ranges=tuple(
            piece for w, span in pairs if span in counts and span not in saved for piece in _pieces(w, days)
        ),
        files=tuple(FileCall(_weekday(number)) for number in numbers),
        listed_files=sum(number >= listed for number in numbers),
        by_session=frozenset(w.ticker for w, span in pairs if span in saved),
        market_rows=market_rows,
        rows_per_session=MINUTE_ROWS,
    )


def _call_price(counts: Mapping[_Span, int], allowance: int | None, session_rows: int) -> int:
    if allowance is None:
        return ROWS_A_CALL
    # More than all rows that any plan of the fewest calls can have: no rows outweigh a call.
    return 1 + sum(n * (end - first) * (1 + session_rows) for (first, end), n in counts.items())


def plan_market(first: date, last: date) -> tuple[GroupedCall, ...]:
    """Return a grouped call for each weekday from `first` to `last`, both included, ascending."""
    return tuple(GroupedCall(_weekday(number)) for number in range(*_span(first, last)))


def plan_market_files(first: date, last: date, files: FileOffer) -> CallPlan:
    """As `plan_market`, with a file for each session before the end of `files`."""
    sessions = [call.session for call in plan_market(first, last)]
    return CallPlan(
        grouped=tuple(GroupedCall(session) for session in sessions if session >= files.until),
        files=tuple(FileCall(session) for session in sessions if session < files.until),
        listed_files=sum(files.listed_from <= session < files.until for session in sessions),
    )


def plan_intraday(
    windows: Sequence[Window], *, page_rows: int = PAGE_ROWS, bar_minutes: float = 1
) -> tuple[RangeCall, ...]:
    """Return the range calls for bars shorter than a day: pieces that tile each window, ascending.

    A piece fits one page even if every minute of its sessions, from the first of the pre-market to the
    last after hours, has a bar. So the calls are known before they are made; a longer piece that just
    overflows a page costs two calls for one, and whether `adjusted=false` survives to a second page is
    unknown. `bar_minutes` is how long a base bar is: a minute for hour bars too, below 1 for second
    bars only. A session of these may still overflow: dates cut no finer, and few stocks trade in five
    of six seconds. A window is cut into equal pieces, as few as that allows.
    Raises ValueError for a ticker given twice.
    """
    _refuse_repeated(windows)
    days = _piece_days(page_rows, bar_minutes)
    return tuple(piece for window in windows for piece in _pieces(window, days))


def _piece_days(page_rows: int, bar_minutes: float) -> int:
    return max(1, int(page_rows * min(1, bar_minutes) / MOST_MINUTES))


def minutes_under(calls: int, allowance: int | None) -> int | None:
    """Return the minutes until the last call may start: `allowance` at once, then each minute as many.

    None where no allowance is known.
    """
    return None if allowance is None else max(0, calls - 1) // allowance


def weekdays_in(first: date, last: date) -> int:
    """Return how many possible sessions lie between two dates, both included."""
    start, end = _span(first, last)
    return end - start


def describe(plan: CallPlan, allowance: int | None) -> list[str]:
    """Return the plan as a few lines for people: calls by kind, what they answer, rows, minutes."""
    if not plan.calls and not plan.files:
        return ["No call is needed."]
    lines = [f"{_count(plan.calls, 'call')}, about {_count(plan.rows, 'row')}:"]
    if plan.files:
        answered = f" for {_count(len(plan.by_session), 'ticker')}" if plan.by_session else ""
        days = _days(plan.files[0].session, plan.files[-1].session)
        listed = f", with {_count(plan.listed_files, 'call')} for the OTC stocks" if plan.listed_files else ""
        lines.append(f"- {_count(len(plan.files), 'flat file')}, one a session{answered}{listed}, {days}")
    if plan.grouped:
        answered = f" for {_count(len(plan.by_session), 'ticker')}" if plan.by_session else ""
        days = _days(plan.grouped[0].session, plan.grouped[-1].session)
        lines.append(f"- {len(plan.grouped):,} for the whole market, one a session{answered}, {days}")
    if plan.ranges:
        tickers = _count(len({call.ticker for call in plan.ranges}), "ticker")
        days = _days(min(call.first for call in plan.ranges), max(call.last for call in plan.ranges))
        lines.append(f"- {len(plan.ranges):,} for {tickers} by name, {days}")
    if (minutes := minutes_under(plan.calls, allowance)) is not None:
        lines.append(f"With an allowance of {allowance} a minute: {_duration(minutes)}.")
    return lines


def _pieces(window: Window, most_weekdays: int) -> Iterator[RangeCall]:
    start, end = _span(window.first, window.last)
    count = ceil((end - start) / most_weekdays)
    first = window.first
    for piece in range(1, count):
        following = _weekday(start + (end - start) * piece // count)
        yield RangeCall(window.ticker, first, date.fromordinal(following.toordinal() - 1))
        first = following
    if count:
        yield RangeCall(window.ticker, first, window.last)


def _span(first: date, last: date) -> _Span:
    return _weekdays_before(first.toordinal()), _weekdays_before(last.toordinal() + 1)


def _weekdays_before(ordinal: int) -> int:
    weeks, days = divmod(ordinal - 1, 7)
    return weeks * 5 + min(days, 5)


def _weekday(number: int) -> date:
    weeks, days = divmod(number, 5)
    return date.fromordinal(weeks * 7 + days + 1)


def _refuse_repeated(windows: Sequence[Window]) -> None:
    counts = Counter(window.ticker for window in windows)
    if len(counts) < len(windows):
        raise ValueError(f"A ticker has one window, {counts.most_common(1)[0][0]} has several.")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _days(first: date, last: date) -> str:
    return f"on {first}" if first == last else f"{first} to {last}"


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if hours:
        return f"about {hours:,} h {rest} min"
    return f"about {rest} min" if rest else "less than a minute"
