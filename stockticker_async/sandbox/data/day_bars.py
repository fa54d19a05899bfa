"""The day bar of any ticker on any day, raw as traded, from (seed, ticker, day) alone.

No random walk from the first day: hashed noise times the ticker's price, and hashes of the day around it.
"""

from datetime import date
from typing import Any

from stockticker_async.sandbox.data.pseudorandom import day_noise, level
from stockticker_async.sandbox.data.universe import Listing

Bar = dict[str, Any]
"""A bar as the API writes it: v, vw, o, c, h, l, t, n, in this order; vw and n may be missing."""

_UNIT = 1 / (1 << 32)
_UNNAMED = 0.2  # of the bars of illiquid tickers, without vw and n
_CROWDED = 0.03  # of the sessions, with several times the volume

# Volumes have fractions since then: https://massive.com/blog, and seen on the wire.
FRACTIONAL_FROM = date(2026, 2, 23).toordinal()

_GROWN = date(2026, 1, 1).toordinal()  # when prices reach those of the universe

# Closes as traded, from the tutorial's output; all of them before the 3:1 split of 2022-08-25, hence / 3
# to the basis after all splits.
_RECORDED: dict[str, tuple[tuple[int, float], ...]] = {
    "TSLA": tuple(
        (date.fromisoformat(day).toordinal(), close / 3)
        for day, close in (
            ("2020-12-15", 633.25), ("2020-12-16", 622.77), ("2020-12-17", 655.9), ("2020-12-18", 695.0),
            ("2020-12-21", 649.86), ("2022-03-04", 838.29), ("2022-03-07", 804.58), ("2022-03-08", 824.4),
            ("2022-03-09", 858.97), ("2022-03-10", 838.3),
        )
    ),
}  # fmt: skip


def day_bar(listing: Listing, day: int, scale: float, t: int) -> Bar | None:
    """The bar of a session, stamped `t`; None when the ticker did not trade.

    `scale` is how many final shares a share of that day becomes: raw price = scale * level. The caller makes
    sure that `day` is a session.
    """
    noise = _noise(listing, day)
    if noise is None:
        return None
    close = _close(listing, day, noise[1]) * scale
    digits = 2 if close >= 1 else 4
    close = max(round(close, digits), 0.01)
    swing = 0.004 + 0.03 * noise[2] * noise[3] * _UNIT * _UNIT
    opened = max(round(close * (1 + swing * (2 * noise[4] * _UNIT - 1)), digits), 0.01)
    high = round(max(opened, close) * (1 + swing * noise[5] * _UNIT), digits)
    low = max(round(min(opened, close) * (1 - swing * noise[6] * _UNIT), digits), 0.01)
    low = min(low, opened, close)
    volume = _volume(listing, day, scale, noise)
    bar: Bar = {"v": volume, "o": opened, "c": close, "h": high, "l": low, "t": t}
    if listing.presence < 1.0 and noise[10] * _UNIT < _UNNAMED:
        return bar  # the API leaves them out for illiquid tickers now and then
    average = round(low + (high - low) * (0.2 + 0.6 * noise[11] * _UNIT), 4)
    size = 20 + 160 * noise[12] * _UNIT
    trades = int(volume / size) + 1
    return {
        "v": volume, "vw": average, "o": opened, "c": close, "h": high, "l": low, "t": t, "n": trades
    }  # fmt: skip


def traded_volume(listing: Listing, day: int, scale: float) -> float | None:
    """The `v` of the `day_bar`, without computing the rest; None when the ticker did not trade."""
    noise = _noise(listing, day)
    return None if noise is None else _volume(listing, day, scale, noise)


def _noise(listing: Listing, day: int) -> tuple[int, ...] | None:
    """The random numbers of a session's bar; None when the ticker did not trade."""
    if not listing.first <= day <= listing.last:
        return None
    noise = day_noise(listing.seed, day)
    if listing.presence < 1.0 and noise[0] * _UNIT >= listing.presence:
        return None
    return noise


def _close(listing: Listing, day: int, noise: int) -> float:
    """The close in final shares; exact on recorded days, and bent towards them around."""
    close = about(listing, day) * (0.99 + 0.02 * noise * _UNIT)
    recorded = _RECORDED.get(listing.ticker)
    return close if recorded is None else _bent(listing, day, close, recorded)


def about(listing: Listing, day: int) -> float:
    """The price level of a day, in final shares."""
    years = max(0, _GROWN - day) / 365.25
    return listing.price * level(listing.seed, day) / (1 + listing.growth * years) ** 2


def _bent(listing: Listing, day: int, close: float, recorded: tuple[tuple[int, float], ...]) -> float:
    """`close` times the ratio of recorded to made price, interpolated between the recorded days."""
    after = next((at for at, (known, _) in enumerate(recorded) if known >= day), len(recorded))
    if after < len(recorded) and recorded[after][0] == day:
        return recorded[after][1]
    around = recorded[max(0, after - 1) : after + 1]
    ratios = [price / about(listing, known) for known, price in around]
    if len(around) == 1:
        return close * ratios[0]
    share = (day - around[0][0]) / (around[1][0] - around[0][0])
    return close * (ratios[0] + (ratios[1] - ratios[0]) * share)


def _volume(listing: Listing, day: int, scale: float, noise: tuple[int, ...]) -> float:
    busy = 0.5 + noise[7] * _UNIT + (2.0 if noise[8] * _UNIT < _CROWDED else 0.0)
    shares = max(1, int(listing.volume * busy / scale))
    if day >= FRACTIONAL_FROM and noise[9] & 3 == 0:
        return round(shares + noise[9] * _UNIT, 6)
    return shares


def partial(bar: Bar, done: float) -> Bar:
    """The bar as it looks when the part `done` of its session has passed; from 1 on, the bar itself."""
    if done >= 1:
        return bar
    opened, digits = bar["o"], (2 if bar["c"] >= 1 else 4)
    close = round(opened + (bar["c"] - opened) * done, digits)
    top, bottom = max(opened, close), min(opened, close)
    high = round(top + (bar["h"] - top) * done, digits)
    low = round(bottom + (bar["l"] - bottom) * done, digits)
    seen = {**bar, "v": max(1, int(bar["v"] * done)), "c": close, "h": high, "l": low}
    if "vw" in seen:
        seen["vw"] = min(max(seen["vw"], low), high)
        seen["n"] = int(bar["n"] * done) + 1
    return seen


def adjusted(bar: Bar, factor: float) -> Bar:
    """A raw bar adjusted for splits that turn one of its shares into `factor` shares."""
    volume = bar["v"] * factor
    moved = {
        **bar,
        "v": int(volume) if volume == int(volume) else round(volume, 6),
        "o": round(bar["o"] / factor, 4),
        "c": round(bar["c"] / factor, 4),
        "h": round(bar["h"] / factor, 4),
        "l": round(bar["l"] / factor, 4),
    }
    if "vw" in moved:
        moved["vw"] = round(moved["vw"] / factor, 4)
    return moved
