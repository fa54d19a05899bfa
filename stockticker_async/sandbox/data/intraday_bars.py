"""Minute and second bars, cut out of a day bar so that they add up to it.

Over a session's bars the first open, highest high, lowest low and last close are the day's, and the
volumes sum to the day's volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stockticker_async.sandbox.data.day_bars import Bar
from stockticker_async.sandbox.data.pseudorandom import bulk
from stockticker_async.sandbox.data.sessions import EXTENDED_CLOSING, EXTENDED_OPENING, OPENING

MINUTE_MS = 60_000
_SPAN = EXTENDED_CLOSING - EXTENDED_OPENING
_FULL = 1 << 16  # 16-bit noise
_SECONDS_A_MINUTE = 4  # the most seconds of a minute with trades


@dataclass(frozen=True, slots=True)
class Columns:
    """Bars that make up one bar, ascending, by column: the bar at `at` opens at `path[at]`."""

    times: Sequence[int]
    path: Sequence[float]
    """Opens, and one price more, the last close: a bar opens at the close of the bar before."""
    highs: Sequence[float]
    lows: Sequence[float]
    volumes: Sequence[float]


def minute_bars(seed: int, day: int, bar: Bar, closing: int, extended: int) -> list[Bar]:
    """The bars of `minute_columns`, with vw and n where the session's bar has them."""
    return _bars(bar, minute_columns(seed, day, bar, closing, extended))


def minute_columns(seed: int, day: int, bar: Bar, closing: int, extended: int) -> Columns:
    """The minutes with trades of a session, ascending, out of its bar, whose `t` is midnight.

    `closing` and `extended` are the minutes at which regular and after-hours trading end. The chance
    that a minute has trades grows with the trades of the day, and is higher in regular hours.
    """
    noise = bulk(seed, day, 5 * _SPAN)
    regular, outside = minute_chances(bar.get("n", bar["v"] / 100))
    minutes = [
        minute
        for minute in range(EXTENDED_OPENING, extended)
        if noise[minute - EXTENDED_OPENING] < (regular if OPENING <= minute < closing else outside)
    ]
    minutes = minutes[: max(1, int(bar["v"]))] or [OPENING + noise[0] % (closing - OPENING)]
    times = [bar["t"] + minute * MINUTE_MS for minute in minutes]
    weights = [
        (_FULL + noise[_SPAN + minute - EXTENDED_OPENING]) * (8 if OPENING <= minute < closing else 1)
        for minute in minutes
    ]
    return _divided(bar, times, weights, noise[2 * _SPAN :])


def minute_chances(trades: float) -> tuple[int, int]:
    """The chances in 65536 that a minute has trades, in regular hours and outside of them."""
    return min(_FULL, int(_FULL * trades / 800)), min(int(0.9 * _FULL), int(_FULL * trades / 20_000))


def second_bars(seed: int, minute: Bar) -> list[Bar]:
    """The seconds with trades of a minute, ascending; they add up to the minute."""
    start = minute["t"]
    noise = bulk(seed, start // MINUTE_MS, 3 * _SECONDS_A_MINUTE + 2 * _SECONDS_A_MINUTE)
    count = min(1 + noise[0] % _SECONDS_A_MINUTE, max(1, int(minute["v"])))
    seconds = sorted({value % 60 for value in noise[:count]})
    times = [start + second * 1000 for second in seconds]
    return _bars(minute, _divided(minute, times, noise[_SECONDS_A_MINUTE:], noise[2 * _SECONDS_A_MINUTE :]))


def trades_a_share(bar: Bar) -> float:
    """The trades for each share of a bar; a bar without n has one trade in a hundred shares."""
    rate: float = bar["n"] / bar["v"] if "vw" in bar else 0.01
    return rate


def _bars(bar: Bar, columns: Columns) -> list[Bar]:
    """The bars that `columns` of `bar` hold."""
    path = columns.path
    rows = zip(columns.volumes, path, path[1:], columns.highs, columns.lows, columns.times, strict=False)
    if "vw" not in bar:
        return [{"v": v, "o": o, "c": c, "h": h, "l": low, "t": t} for v, o, c, h, low, t in rows]
    trades = trades_a_share(bar)
    return [
        {
            "v": v, "vw": round((o + c + h + low) / 4, 4), "o": o, "c": c, "h": h, "l": low, "t": t,
            "n": int(v * trades) or 1,
        }
        for v, o, c, h, low, t in rows
    ]  # fmt: skip


def _divided(bar: Bar, times: list[int], weights: Sequence[int], noise: Sequence[int]) -> Columns:
    """One bar at each of `times` (at least one), which together make `bar`; `noise`: 3 numbers a time."""
    count = len(times)
    high, low = bar["h"], bar["l"]
    digits = 2 if low >= 1 else 4
    path = _path(bar, noise[:count], digits)
    highs: list[float] = []
    lows: list[float] = []
    for first, last, reach in zip(path, path[1:], noise[count : 2 * count], strict=False):
        part = reach / _FULL * 0.1
        upper, lower = (first, last) if first > last else (last, first)
        highs.append(round(upper + (high - upper) * part, digits))
        lows.append(round(lower - (lower - low) * part, digits))
    highs[noise[0] % count] = high
    lows[noise[-1] % count] = low
    return Columns(times, path, highs, lows, _shares(bar["v"], weights[:count]))


def _path(bar: Bar, noise: Sequence[int], digits: int) -> list[float]:
    """The prices at the ends of len(noise) windows: from open to close, jagged, never beyond high or low."""
    opened, close, high, low = bar["o"], bar["c"], bar["h"], bar["l"]
    span, count = high - low, len(noise)
    prices = [opened]
    for at in range(1, count):
        price = opened + (close - opened) * at / count + span * (noise[at] / _FULL - 0.5) * 0.4
        prices.append(round(min(max(price, low), high), digits))
    prices.append(close)
    return prices


def _shares(volume: float, weights: Sequence[int]) -> list[float]:
    """Whole shares by weight, at least one each; the last window takes the rest, fractions too."""
    count = len(weights)
    spare = max(0, int(volume) - count)
    total = sum(weights) or 1
    shares: list[float] = [1 + spare * weight // total for weight in weights]
    rest = volume - sum(shares[:-1])
    shares[-1] = rest if isinstance(volume, int) else round(rest, 6)
    return shares
