"""Resident memory of whole reads: its peak, with ten times the rows, and with a slow reader."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.processes import Cost, cost, serving
from benchmarks.reads import names, reading
from benchmarks.report import Table
from benchmarks.size import LAST_DAY, LAST_MINUTE, Size

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class _Read:
    what: str
    most: int
    """MB, what was set as the limit."""
    config: Mapping[str, Any]
    streams: tuple[str, ...]
    more: Mapping[str, Any]
    """What makes it so many times the rows."""


def run(size: Size) -> Iterator[Table]:
    with serving("--gzip") as url:
        rows = [_measured(one, url, size) for one in _reads(size)]
    yield Table(
        "Peak of the resident memory",
        f"MB, as the kernel counts it; then with {size.more} times the rows, and with a reader that takes "
        f"{size.slow_bytes / 1e6:.0f} MB/s.",
        ("read", "limit", "peak", f"rows times {size.more}", "slow reader"),
        rows,
    )


def _reads(size: Size) -> Iterator[_Read]:
    few, many = names(size.tickers), names(size.tickers * size.more)
    both = ("stock_prices", "stock_bars")
    days: dict[str, Any] = {
        "start_date": size.first,
        "end_date": LAST_DAY,
        "stock_ticker": few,
        "max_concurrent_requests": 64,
    }
    yield _Read("day bars, 64 at once", 120, days, both[1:], {"stock_ticker": many})
    minutes = {
        "start_date": size.minutes_first,
        "end_date": LAST_MINUTE,
        "timespan": "minute",
        "stock_ticker": names(2),  # twenty pages: ten do not keep 16 calls busy
    }
    more = {"stock_ticker": names(2 * size.more)}
    for at_once, most in ((16, 120), (64, 150)):
        config = {**minutes, "max_concurrent_requests": at_once}
        yield _Read(f"minute bars, {at_once} at once", most, config, both[1:], more)
    market = {"start_date": size.sessions_first, "end_date": LAST_DAY, "stock_ticker": "*"}
    yield _Read("`*`, 250 sessions", 150, market, both, {})


def _measured(one: _Read, url: str, size: Size) -> tuple[str, ...]:
    peak = _peak(one.config, one.streams, url)
    more = _peak({**one.config, **one.more}, one.streams, url) if one.more else None
    # a slow reader needs no more than some seconds to show what piles up
    slow = _slow(one, url, size)
    told = "" if more is None else f"{_mb(more.peak_bytes)} ({more.peak_bytes / peak.peak_bytes:.2f})"
    return one.what, str(one.most), f"**{_mb(peak.peak_bytes)}**", told, _mb(slow.peak_bytes)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f}"


def _peak(config: Mapping[str, Any], streams: tuple[str, ...], url: str) -> Cost:
    with reading({**config, "base_url": url}, *streams) as command:
        return cost(command)


def _slow(one: _Read, url: str, size: Size) -> Cost:
    with reading({**one.config, "base_url": url}, *one.streams) as command:
        return cost(command, bytes_a_second=size.slow_bytes, seconds=10)
