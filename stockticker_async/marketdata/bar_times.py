"""When bars begin: each in order, within what was asked, and at a time that a bar of its size may have.

Part of the hot path: bars of a page are judged a piece at a time (see `bar_pages`).
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from math import gcd
from operator import lt

from msgspec.structs import replace

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.bar_size import ONE_DAY, last_day, may_begin
from stockticker_async.marketdata.bars import UNIT_MS, Asked
from stockticker_async.marketdata.calendar import (
    TRADING_MS,
    claimed_session,
    claimed_weekday,
    is_weekday,
    may_have_trades,
    midnight_ms,
    session_of,
    utc_text,
)
from stockticker_async.marketdata.list_judge import DisorderError


def judge_times(moments: Sequence[int], asked: Asked, *, after_ms: int | None) -> frozenset[date]:
    """The New York dates on which the bars at these times begin.

    Raises `BadPageError` unless the times ascend, within the range asked. Bars of a day and longer are judged
    by the session that each claims, too, of which it must be the only bar; shorter ones by the clock.
    ``after_ms`` is the time of the bar before them, on this page or an earlier one. None: there is none.

    Tickers that trade in the same sessions have day bars at the same times: these are judged once (0.02 µs a
    bar in place of 0.16).
    """
    if asked.bar.intraday:
        return _judged(moments, asked, after_ms)
    return _judged_days(tuple(moments), replace(asked, ticker="", adjusted=True), after_ms)


@lru_cache(maxsize=8)  # of 5,000 sessions at most some hundred kilobytes each
def _judged_days(moments: tuple[int, ...], asked: Asked, after_ms: int | None) -> frozenset[date]:
    return _judged(moments, asked, after_ms)


def _judged(moments: Sequence[int], asked: Asked, after_ms: int | None) -> frozenset[date]:
    low, high = asked.from_ms, asked.until_ms
    last = low - 1 if after_ms is None else after_ms
    # half of the time of the loop, which finds the one that is misplaced
    if moments and not (last < moments[0] and moments[-1] < high and all(map(lt, moments, moments[1:]))):
        for moment in moments:
            if not last < moment < high:
                raise _misplaced(moment, asked, last)
            last = moment
    judge = _traded_days if asked.bar.intraday else _claimed
    return judge(moments, asked, after_ms)


def _traded_days(moments: Sequence[int], asked: Asked, after_ms: int | None) -> frozenset[date]:
    """The New York dates of intraday bars, which ascend; looks at each day once.

    Raises `BadPageError` unless each begins at a whole one of its timespan, whole windows after the bar
    before it of the day (from where multiples are counted nobody says), and holds some of the hours in which
    stocks trade.
    """
    # two thirds of the time of a remainder for each
    if gcd(*moments) % UNIT_MS[asked.bar.timespan]:
        raise _off_grid(moments, asked)
    days, place, before = set(), 0, after_ms
    while place < len(moments):
        day = session_of(moments[place])
        following = bisect_left(moments, midnight_ms(day + timedelta(days=1)), place + 1)
        if asked.bar.multiplier > 1:
            _judge_windows(moments[place:following], before, day, asked)
        _judge_hours(moments[place:following], day, asked)
        days.add(day)
        before, place = moments[following - 1], following
    return frozenset(days)


def _judge_windows(moments: Sequence[int], before: int | None, day: date, asked: Asked) -> None:
    """Raise `BadPageError` for a bar of the day that is no whole windows after the one ``before`` it."""
    start = moments[0] if before is None or session_of(before) != day else before
    window_ms = asked.bar.multiplier * UNIT_MS[asked.bar.timespan]
    if gcd(*(moment - start for moment in moments)) % window_ms:
        strange = next(moment for moment in moments if (moment - start) % window_ms)
        raise BadPageError(
            f"the API gave a bar of {utc_text(strange)}, not whole windows of {asked.bar} after that "
            f"of {utc_text(start)}."
        )


def _judge_hours(moments: Sequence[int], day: date, asked: Asked) -> None:
    """Raise `BadPageError` for a bar of the day that holds no hour of trading."""
    window_ms = asked.bar.multiplier * UNIT_MS[asked.bar.timespan]
    opens, closes = (midnight_ms(day) + moment for moment in TRADING_MS)
    if is_weekday(day) and opens < moments[0] + window_ms and moments[-1] < closes:
        return
    for moment in moments:
        if not may_have_trades(moment, window_ms):
            raise BadPageError(
                f"the API gave a bar of {utc_text(moment)}, when no stock trades (04:00 to 20:00 New York, "
                "Monday to Friday)."
            )


def _off_grid(moments: Sequence[int], asked: Asked) -> BadPageError:
    span = asked.bar.timespan
    strange = utc_text(next(moment for moment in moments if moment % UNIT_MS[span]))
    return BadPageError(f"the API gave a bar of {strange}, which is not the start of a whole {span}.")


def _claimed(moments: Sequence[int], asked: Asked, after_ms: int | None) -> frozenset[date]:
    """The sessions of bars of a day or longer. Raises `BadPageError` unless each claims one of its own."""
    # longer bars may begin on a weekend: weeks do
    claims = list(map(claimed_weekday if asked.bar == ONE_DAY else claimed_session, moments))
    sessions = frozenset(session for session in claims if session is not None)
    before = None if after_ms is None else claimed_session(after_ms)
    if asked.bar.multiplier > 1:
        _judge_distances([before, *claims], asked)
    if len(sessions) == len(moments) and before not in sessions:
        for session in sessions:
            if not may_begin(asked.bar, session):
                raise BadPageError(
                    f"the API gave a bar of {session}, which is not the start of a {asked.bar.timespan}."
                )
        return sessions
    if None in claims:
        strange = utc_text(moments[claims.index(None)])
        raise BadPageError(
            f"the API gave a bar of {strange}, which is neither the start nor the close of a session in New "
            "York."
        )
    twice = next(session for session, following in pairwise([before, *claims]) if session == following)
    raise BadPageError(f"the API gave two bars of one session, {twice}.")


def _judge_distances(starts: Iterable[date | None], asked: Asked) -> None:
    """Raise `BadPageError` for two bars of several days or months that begin less than that apart."""
    for start, following in pairwise(starts):
        if start is not None and following is not None and start < following <= last_day(asked.bar, start):
            raise BadPageError(f"the API gave bars of {start} and {following}, less than {asked.bar}s apart.")


def _misplaced(moment: int, asked: Asked, last: int) -> BadPageError:
    what = "the API gave a bar"
    if not -(2**53) < moment < 2**53:
        return BadPageError(f"{what} with an impossible time, {str(moment)[:40]} ms.")
    if not asked.from_ms <= moment < asked.until_ms:
        return BadPageError(f"{what} outside the range asked ({asked.first} to {asked.last}): {moment} ms.")
    when = utc_text(moment)
    if moment == last:
        return BadPageError(f"{what} twice: that of {when}.")
    return DisorderError(f"{what} out of order: that of {when} after a later one.", since=session_of(moment))
