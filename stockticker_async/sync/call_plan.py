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
windows whatever. Why: the sessions asked fall into runs of consecutive weekdays, no window saved
reaches over a gap, so with `best(day)` the most that runs before `day` can save,

    best(end) = max of: best(end - 1)
                        best(start) + what the windows inside [start, end) save - (end - start) * price

where runs that pay start where a window starts and end where one ends. Going forward through the days
we keep each start with its value so far. A window [first, end) raises the value of every start up to
`first`, never one of a later start alone; so a later start that is not *ahead* of an earlier one will
never be, and is dropped. What is left rises strictly: the last start is the best, and raising all up
to `first` shortens one gap, dropping the starts it closes on. Each start is added and dropped once:
k distinct windows take O(k log k), however long they are.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

import msgspec

from stockticker_async.marketdata.endpoints import MARKET_ROWS, PAGE_ROWS

ROWS_A_CALL = 5_000
"""The number of rows that weigh as much as a call. An estimate: about 0.4 MB, which takes one or two round
trips to transfer and decode. Six tickers and five sessions
are then six calls, not five markets; a hundred tickers and five sessions are five markets."""

MOST_MINUTES = 960
"""The minutes of a session with pre-market and after-hours trading: 04:00 to 20:00 New York. The API has bars
for all of them, and a heavily traded stock has nearly all of these bars."""

_Span = tuple[int, int]  # [first, end) in weekday numbers: 0 is Monday 0001-01-01, weekends have none
_Runs = tuple["_Runs", int, int] | None  # the runs before, and the last one's [first, end)


class Window(msgspec.Struct, frozen=True):
    """The New York dates to read for a ticker, both ends included."""

    ticker: str
    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"The window of {self.ticker} ends {self.last}, before its start {self.first}.")


@dataclass(frozen=True, slots=True)
class RangeCall:
    """The bars of one ticker, both dates included."""

    ticker: str
    first: date
    last: date


class GroupedCall(msgspec.Struct, frozen=True):
    """The day bars of the whole market for one session."""

    session: date


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Range calls in the order of the windows given, grouped calls ascending, none twice.

    `by_session` are the tickers whose whole window the grouped calls answer. `rows_per_session` (of a
    ticker) and `market_rows` are what is expected of the calls; `rows` follows from them.
    """

    ranges: tuple[RangeCall, ...] = ()
    grouped: tuple[GroupedCall, ...] = ()
    by_session: frozenset[str] = frozenset()
    market_rows: int = MARKET_ROWS
    rows_per_session: float = 1.0

    @property
    def calls(self) -> int:
        """The number of HTTP requests, without retries: each call fits one page."""
        return len(self.grouped) + len(self.ranges)

    @property
    def rows(self) -> int:
        """The expected number of downloaded base bars, including bars of other tickers in grouped calls."""
        weekdays = sum(weekdays_in(call.first, call.last) for call in self.ranges)
        return len(self.grouped) * self.market_rows + round(weekdays * self.rows_per_session)


def plan_days(
    windows: Sequence[Window], *, allowance: int | None, market_rows: int = MARKET_ROWS
) -> CallPlan:
    """Return the cheapest plan for the day bars of these windows, one window a ticker.

    `allowance` is calls a minute, None where none is known: then calls and rows are weighed, else
    the fewest calls win. Raises ValueError for a ticker given twice.
    """
    _refuse_repeated(windows)
    spans = [_span(window.first, window.last) for window in windows]
    counts = Counter((first, end) for first, end in spans if first < end)
    call_price = ROWS_A_CALL
    if allowance is not None:
        # More than all rows that any plan of the fewest calls can have: no rows outweigh a call.
        call_price = 1 + sum(n * (end - first + market_rows) for (first, end), n in counts.items())
    savings = {(first, end): n * (call_price + end - first) for (first, end), n in counts.items()}
    runs = _best_runs(savings, price=call_price + market_rows)
    saved = _inside(runs, counts)
    unsaved = counts.keys() - saved
    pairs = list(zip(windows, spans, strict=True))
    return CallPlan(
        ranges=tuple(RangeCall(w.ticker, w.first, w.last) for w, span in pairs if span in unsaved),
        grouped=tuple(GroupedCall(_weekday(number)) for run in runs for number in range(*run)),
        by_session=frozenset(w.ticker for w, span in pairs if span in saved),
        market_rows=market_rows,
    )


def plan_market(first: date, last: date) -> tuple[GroupedCall, ...]:
    """Return a grouped call for each weekday from `first` to `last`, both included, ascending."""
    return tuple(GroupedCall(_weekday(number)) for number in range(*_span(first, last)))


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
    days = max(1, int(page_rows * min(1, bar_minutes) / MOST_MINUTES))
    return tuple(piece for window in windows for piece in _pieces(window, days))


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
    if not plan.calls:
        return ["No call is needed."]
    lines = [f"{_count(plan.calls, 'call')}, about {_count(plan.rows, 'row')}:"]
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


def _best_runs(savings: Mapping[_Span, int], *, price: int) -> list[_Span]:
    """Return the runs, ascending, whose windows save the most over `price` a day. See the head."""
    ending: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for (first, end), saving in savings.items():
        ending[end].append((first, saving))
    starting = {first for first, _ in savings}
    best = 0
    runs: _Runs = None
    # The live starts, ascending; the lead of each over the one before, above 0; the value of the last.
    # A value is what a run from that start to day 0 would save: `price` a day is taken off when asked.
    starts: list[int] = []
    leads: list[int] = []
    top = -1
    runs_before: dict[int, _Runs] = {}
    for day in sorted(starting | ending.keys()):
        for first, saving in ending.get(day, ()):
            top += _raise_up_to(first, saving, starts, leads)
        if top - price * day > best:
            best = top - price * day
            runs = (runs_before[starts[-1]], starts[-1], day)
        if day in starting and (value := best + price * day) > top:
            starts.append(day)
            leads.append(value - top)
            top = value
            runs_before[day] = runs
    return list(_unlinked(runs))[::-1]


def _raise_up_to(first: int, saving: int, starts: list[int], leads: list[int]) -> int:
    """Raise every start up to `first`, drop starts that are no longer ahead; return the rise of the top."""
    behind = ahead = bisect_right(starts, first)
    while ahead < len(starts) and leads[ahead] <= saving:
        saving -= leads[ahead]
        ahead += 1
    del starts[behind:ahead], leads[behind:ahead]
    if behind == len(starts):
        return saving
    leads[behind] -= saving
    return 0


def _inside(runs: Sequence[_Span], spans: Iterable[_Span]) -> set[_Span]:
    starts = [start for start, _ in runs]
    latest = {span: bisect_right(starts, span[0]) - 1 for span in spans}
    return {span for span, at in latest.items() if at >= 0 and span[1] <= runs[at][1]}


def _unlinked(runs: _Runs) -> Iterator[_Span]:
    while runs is not None:
        runs, first, end = runs
        yield first, end


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
