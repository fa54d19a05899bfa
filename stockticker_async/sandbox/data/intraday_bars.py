"""Minute and second bars, cut out of a day bar so that they add up to it.

Over a session's bars the first open, highest high, lowest low and last close are the day's, and the
volumes sum to the day's volume.
"""

from collections.abc import Sequence

from stockticker_async.sandbox.data.day_bars import Bar
from stockticker_async.sandbox.data.pseudorandom import bulk
from stockticker_async.sandbox.data.sessions import EXTENDED_CLOSING, EXTENDED_OPENING, OPENING

MINUTE_MS = 60_000
_SPAN = EXTENDED_CLOSING - EXTENDED_OPENING
_FULL = 1 << 16  # 16-bit noise
_SECONDS_A_MINUTE = 4  # the most seconds of a minute with trades


def minute_bars(seed: int, day: int, bar: Bar, closing: int, extended: int) -> list[Bar]:
    """The minutes with trades of a session, ascending, out of its bar, whose `t` is midnight.

    `closing` and `extended` are the minutes at which regular and after-hours trading end. The chance
    that a minute has trades grows with the trades of the day, and is higher in regular hours.
    """
    noise = bulk(seed, day, 5 * _SPAN)
    trades = bar.get("n", bar["v"] / 100)
    regular = min(_FULL, int(_FULL * trades / 800))
    outside = min(int(0.9 * _FULL), int(_FULL * trades / 20_000))
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
    return _divide(bar, times, weights, noise[2 * _SPAN :])


def second_bars(seed: int, minute: Bar) -> list[Bar]:
    """The seconds with trades of a minute, ascending; they add up to the minute."""
    start = minute["t"]
    noise = bulk(seed, start // MINUTE_MS, 3 * _SECONDS_A_MINUTE + 2 * _SECONDS_A_MINUTE)
    count = min(1 + noise[0] % _SECONDS_A_MINUTE, max(1, int(minute["v"])))
    seconds = sorted({value % 60 for value in noise[:count]})
    times = [start + second * 1000 for second in seconds]
    return _divide(minute, times, noise[_SECONDS_A_MINUTE:], noise[2 * _SECONDS_A_MINUTE :])


def _divide(bar: Bar, times: list[int], weights: Sequence[int], noise: Sequence[int]) -> list[Bar]:
    """One bar at each of `times` (at least one), which together make `bar`; `noise`: 3 numbers a time."""
    count = len(times)
    high, low = bar["h"], bar["l"]
    digits = 2 if low >= 1 else 4
    path = _path(bar, noise[:count], digits)
    top, bottom = noise[0] % count, noise[-1] % count
    volumes = _shares(bar["v"], weights[:count])
    named = "vw" in bar
    trades = bar["n"] / bar["v"] if named else 0.0
    bars: list[Bar] = []
    for at, time in enumerate(times):
        first, last = path[at], path[at + 1]
        upper, lower = (first, last) if first > last else (last, first)
        reach = noise[count + at] / _FULL * 0.1
        upper = high if at == top else round(upper + (high - upper) * reach, digits)
        lower = low if at == bottom else round(lower - (lower - low) * reach, digits)
        volume = volumes[at]
        if named:
            mean = round((first + last + upper + lower) / 4, 4)
            sold = int(volume * trades) or 1
            bars.append(
                {"v": volume, "vw": mean, "o": first, "c": last, "h": upper, "l": lower, "t": time, "n": sold}
            )
        else:
            bars.append({"v": volume, "o": first, "c": last, "h": upper, "l": lower, "t": time})
    return bars


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
