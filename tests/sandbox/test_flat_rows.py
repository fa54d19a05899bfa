"""The rows of flat files, and the laws that bind them to the API's bars."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.sandbox.bucket.file_keys import FIRST_SESSION
from stockticker_async.sandbox.data.flat_rows import HEADER, OTC_FROM, Kind, spelled, tables
from stockticker_async.sandbox.data.sessions import is_session
from stockticker_async.sandbox.data.simulated_market import Market

MARKETS = [Market(seed, 60, ("NA", "NULL"), lambda: date(2026, 7, 29)) for seed in (1, 2)]
SESSIONS = st.dates(date.fromordinal(FIRST_SESSION), date(2026, 7, 28)).filter(
    lambda day: is_session(day.toordinal())
)


def rows(market: Market, kind: Kind, day: date) -> list[dict[str, str]]:
    lines = "".join(tables(market, kind, day.toordinal())).splitlines()
    return [dict(zip(HEADER, line.split(","), strict=True)) for line in lines]


def as_bar(row: dict[str, str]) -> dict[str, Any]:
    """A row as the API writes it, without vw; times in ms."""
    start, rest = divmod(int(row["window_start"]), 1_000_000)
    assert rest == 0
    return {
        "v": float(row["volume"]), "o": float(row["open"]), "c": float(row["close"]), "h": float(row["high"]),
        "l": float(row["low"]), "t": start, "n": int(row["transactions"]),
    }  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(MARKETS), SESSIONS, st.sampled_from(("day", "minute")), st.data())
def test_files_and_unadjusted_bars_agree_row_by_row(
    market: Market, day: date, kind: Kind, data: st.DataObject
) -> None:
    named = defaultdict[str, list[dict[str, Any]]](list)
    for row in rows(market, kind, day):
        named[row["ticker"]].append(as_bar(row))
    assert named
    ticker = data.draw(st.sampled_from(sorted(market.universe.symbols())))
    bars = market.bars(ticker, day, day, timespan=kind, adjusted=False)
    otc = market.listing(ticker).otc
    assert named[ticker] == [
        {
            **{name: bar[name] for name in "vocht"},
            "l": bar["l"],
            "n": bar.get("n", made["n"]),  # which the API leaves out now and then, and a file never
        }
        for bar, made in zip(bars, named[ticker], strict=not otc or day.toordinal() >= OTC_FROM)
    ]


@settings(deadline=None, max_examples=10)
@given(st.sampled_from(MARKETS), SESSIONS)
def test_a_day_file_has_every_ticker_that_traded(market: Market, day: date) -> None:
    traded = {
        listing.ticker
        for listing in market.universe
        if market.day_bar(listing.ticker, day, adjusted=False) is not None
        and (day.toordinal() >= OTC_FROM or not listing.otc)
    }
    assert Counter(row["ticker"] for row in rows(market, "day", day)) == Counter(traded)


@settings(deadline=None, max_examples=10)
@given(st.sampled_from(MARKETS), SESSIONS)
def test_the_minutes_of_a_ticker_stand_together_ascending_and_make_its_day(market: Market, day: date) -> None:
    days = {row["ticker"]: row for row in rows(market, "day", day)}
    groups = [
        (name, list(group)) for name, group in groupby(rows(market, "minute", day), lambda r: r["ticker"])
    ]
    assert [name for name, _ in groups] == list(days)
    for name, minutes in groups:
        times = [int(row["window_start"]) for row in minutes]
        assert times == sorted(set(times))
        whole = days[name]
        assert (minutes[0]["open"], minutes[-1]["close"]) == (whole["open"], whole["close"])
        assert max(float(row["high"]) for row in minutes) == float(whole["high"])
        assert min(float(row["low"]) for row in minutes) == float(whole["low"])
        assert round(sum(float(row["volume"]) for row in minutes), 6) == float(whole["volume"])
        assert all(int(row["transactions"]) > 0 for row in minutes)


def test_files_are_never_adjusted() -> None:
    market = Market(1, 60, (), lambda: date(2026, 7, 29))
    before = rows(market, "day", date(2020, 8, 28))
    split = market.book.add(
        market.listing("IBM"), date(2021, 3, 1).toordinal(), 1, 2, date(2026, 7, 29).toordinal()
    )
    assert split.ratio == 2
    assert rows(market, "day", date(2020, 8, 28)) == before
    tsla = next(row for row in before if row["ticker"] == "TSLA")
    after = next(row for row in rows(market, "day", date(2020, 8, 31)) if row["ticker"] == "TSLA")
    assert 3.5 < float(tsla["close"]) / float(after["close"]) < 7  # split five for one that morning


def test_tickers_over_the_counter_come_with_the_end_of_2021() -> None:
    market = Market(1, 200, (), lambda: date(2026, 7, 29))
    otc = {listing.ticker for listing in market.universe if listing.otc}
    last = date.fromordinal(OTC_FROM) - timedelta(days=1)
    assert not otc & {row["ticker"] for row in rows(market, "day", last)}
    assert otc & {row["ticker"] for row in rows(market, "day", date.fromordinal(OTC_FROM))}


def test_volumes_have_fractions_since_2026() -> None:
    def fractions(day: date) -> int:
        return sum("." in row["volume"] for row in rows(MARKETS[0], "day", day))

    assert fractions(date(2026, 2, 20)) == 0
    assert fractions(date(2026, 2, 23)) > 0


def test_numbers_are_spelled_as_short_as_they_can_be() -> None:
    assert [spelled(number) for number in (200.5, 200.0, 18, 0.0105, 1300741.25)] == [
        "200.5", "200", "18", "0.0105", "1300741.25",
    ]  # fmt: skip
