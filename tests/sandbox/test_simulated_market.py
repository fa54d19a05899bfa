"""The market's laws: a pure function of (seed, ticker, session), consistent at every scale."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.sandbox.data.bar_windows import merged
from stockticker_async.sandbox.data.day_bars import Bar
from stockticker_async.sandbox.data.sessions import is_session, sessions
from stockticker_async.sandbox.data.simulated_market import SETTLED, Market
from stockticker_async.sandbox.data.universe import Listing

law = settings(deadline=None, max_examples=60)
heavy = settings(deadline=None, max_examples=12)

FIRST, LAST = date(2000, 1, 3), date(2027, 12, 31)
DAYS = st.dates(FIRST, LAST)
SESSIONS = st.sampled_from([date.fromordinal(n) for n in sessions(FIRST.toordinal(), LAST.toordinal())])


def market(*, seed: int = 1, universe: int = 1000) -> Market:
    return Market(seed, universe, ("NEWCO",), lambda: date(2026, 11, 23))


MARKET = market()
LISTINGS = st.sampled_from(list(MARKET.universe))
NAMES = LISTINGS.map(lambda listing: listing.ticker)


def trades(listing: Listing, day: date) -> Bar | None:
    return MARKET.day_bar(listing.ticker, day, adjusted=False)


@law
@given(ticker=NAMES, day=DAYS, adjusted=st.booleans())
def test_a_bar_is_the_same_whenever_and_in_whichever_order_it_is_asked(
    *, ticker: str, day: date, adjusted: bool
) -> None:
    fresh = market()
    assert fresh.day_bar(ticker, day, adjusted=adjusted) == MARKET.day_bar(ticker, day, adjusted=adjusted)


def test_numbers_are_the_same_on_every_machine_and_python() -> None:
    assert MARKET.day_bar("TSLA", date(2020, 12, 18), adjusted=False) == {
        "v": 21948455, "vw": 693.6149, "o": 695.57, "c": 695.0, "h": 696.29, "l": 692.56,
        "t": 1608267600000, "n": 132142,
    }  # fmt: skip


def test_another_seed_is_another_market_with_the_same_well_known_names() -> None:
    other = market(seed=2)
    assert other.day_bar("IBM", date(2020, 12, 18)) != MARKET.day_bar("IBM", date(2020, 12, 18))
    assert set(other.universe.symbols()) != set(MARKET.universe.symbols())
    assert {"AAPL", "BRK.B", "AMpB", "SPY"} <= set(other.universe.symbols()) & set(MARKET.universe.symbols())


@law
@given(listing=LISTINGS, day=SESSIONS, adjusted=st.booleans())
def test_prices_are_in_order_and_have_at_most_four_decimals(
    *, listing: Listing, day: date, adjusted: bool
) -> None:
    bar = MARKET.day_bar(listing.ticker, day, adjusted=adjusted)
    if bar is not None:
        assert 0 < bar["l"] <= min(bar["o"], bar["c"]) <= max(bar["o"], bar["c"]) <= bar["h"]
        assert bar["l"] <= bar.get("vw", bar["l"]) <= bar["h"]
        assert all(round(bar[name], 4) == bar[name] for name in ("o", "h", "l", "c"))
        assert bar["v"] > 0
        assert bar.get("n", 1) >= 1


@law
@given(LISTINGS, DAYS)
def test_nobody_trades_outside_of_sessions_and_of_its_life(listing: Listing, day: date) -> None:
    number = day.toordinal()
    if not is_session(number) or not listing.first <= number <= listing.last:
        assert trades(listing, day) is None
    elif listing.presence == 1.0:
        assert trades(listing, day) is not None


def test_illiquid_names_miss_sessions_and_sometimes_vw_and_n() -> None:
    listing = next(
        each for each in MARKET.universe if each.otc and not each.delisted and each.first < 737_000
    )
    bars = [trades(listing, date.fromordinal(day)) for day in sessions(737_000, 738_000)]
    there = [bar for bar in bars if bar is not None]
    assert None in bars
    assert {"vw" in bar for bar in there} == {True, False}
    assert all(("n" in bar) == ("vw" in bar) for bar in there)
    assert all(bar["otc"] is True for bar in there)


def test_what_an_illiquid_bar_lacks_it_lacks_on_any_basis() -> None:
    reverse = next(
        each.ticker
        for each in MARKET.universe
        if each.presence < 1
        and each.first < 730_500
        and any(737_000 < split.day < 739_000 for split in MARKET.book.listed(each))
    )
    for adjusted in (True, False):
        bars = MARKET.bars(reverse, date(2010, 1, 1), date(2017, 1, 1), adjusted=adjusted)
        assert {"vw" in bar for bar in bars} == {True, False}
        monthly = MARKET.bars(
            reverse, date(2010, 1, 1), date(2017, 1, 1), adjusted=adjusted, timespan="month"
        )
        assert all("vw" in bar for bar in monthly)


def test_a_window_of_bars_without_vw_and_n_has_none() -> None:
    bar = {"v": 7, "o": 1.0, "c": 2.0, "h": 2.0, "l": 1.0, "t": 0}
    assert merged([bar, bar], 0) == {**bar, "v": 14}


def test_volumes_are_whole_until_2026_02_23_and_sometimes_fractional_after() -> None:
    before = MARKET.bars("IBM", date(2025, 11, 1), date(2026, 2, 22))
    after = MARKET.bars("IBM", date(2026, 2, 23), date(2026, 6, 1))
    assert all(isinstance(bar["v"], int) for bar in before)
    assert {isinstance(bar["v"], int) for bar in after} == {True, False}


@law
@given(NAMES, SESSIONS, DAYS)
def test_raw_prices_are_adjusted_ones_times_the_splits_between(ticker: str, day: date, as_of: date) -> None:
    raw = MARKET.day_bar(ticker, day, adjusted=False)
    adjusted = MARKET.day_bar(ticker, day, as_of=as_of)
    if raw is None or adjusted is None:
        assert raw is adjusted
        return
    ratio = 1.0
    for split in MARKET.splits(ticker, date(2100, 1, 1)):
        if day.toordinal() < split.day <= as_of.toordinal():
            ratio *= split.split_to / split.split_from
    for name in ("o", "h", "l", "c"):
        assert adjusted[name] == pytest.approx(raw[name] / ratio, abs=0.00006)
    assert adjusted["v"] == pytest.approx(raw["v"] * ratio)
    assert adjusted["t"] == raw["t"]


# 17 sessions in three weeks, one of 13:00, one across the change of clocks.
INTRADAY = st.sampled_from(
    [date(2020, 12, 14), date(2020, 12, 24), date(2021, 3, 12), date(2021, 3, 15), date(2026, 3, 2)]
)


@law
@given(
    listing=LISTINGS,
    day=INTRADAY,
    timespan=st.sampled_from(["minute", "second", "hour"]),
    adjusted=st.booleans(),
)
def test_intraday_bars_add_up_to_the_day(
    *, listing: Listing, day: date, timespan: str, adjusted: bool
) -> None:
    whole = MARKET.day_bar(listing.ticker, day, adjusted=adjusted)
    bars = MARKET.bars(listing.ticker, day, day, timespan=timespan, adjusted=adjusted)
    if whole is None:
        assert bars == []
        return
    assert bars[0]["o"] == whole["o"]
    assert bars[-1]["c"] == whole["c"]
    assert max(bar["h"] for bar in bars) == whole["h"]
    assert min(bar["l"] for bar in bars) == whole["l"]
    assert sum(bar["v"] for bar in bars) == pytest.approx(whole["v"])
    for bar in bars:
        assert bar["l"] <= min(bar["o"], bar["c"], bar.get("vw", bar["c"]))
        assert bar["h"] >= max(bar["o"], bar["c"], bar.get("vw", bar["c"]))
        assert bar["v"] > 0
    assert all(one["t"] < two["t"] for one, two in pairwise(bars))


@law
@given(LISTINGS, INTRADAY)
def test_minutes_lie_between_4_and_20_new_york_and_until_17_when_it_closes_early(
    listing: Listing, day: date
) -> None:
    offset = 4 if date(2021, 3, 14) <= day < date(2021, 11, 7) else 5
    begin = datetime(day.year, day.month, day.day, 4 + offset, tzinfo=UTC).timestamp() * 1000
    hours = 13 if day == date(2020, 12, 24) else 16
    for bar in MARKET.bars(listing.ticker, day, day, timespan="minute"):
        assert begin <= bar["t"] < begin + hours * 3_600_000
        assert bar["t"] % 60_000 == 0


LONG = st.tuples(st.integers(1, 5), st.sampled_from(["day", "week", "month", "quarter", "year"]))
SHORT = st.tuples(st.integers(1, 90), st.sampled_from(["second", "minute", "hour"]))


def assert_windows_are_sums(wide: list[Bar], parts: list[Bar]) -> None:
    """Each window but the last, whose end is not known here, is made of the parts from its start on."""
    for window, after in pairwise(wide):
        inside = [bar for bar in parts if window["t"] <= bar["t"] < after["t"]]
        assert window["v"] == pytest.approx(sum(bar["v"] for bar in inside))
        assert window["h"] == max(bar["h"] for bar in inside)
        assert window["l"] == min(bar["l"] for bar in inside)
        assert (window["o"], window["c"]) == (inside[0]["o"], inside[-1]["c"])
        assert window.get("n", 0) == sum(bar.get("n", 0) for bar in inside)
        assert window["l"] <= window.get("vw", window["l"]) <= window["h"]


@heavy
@given(NAMES, LONG, st.dates(date(2018, 1, 1), date(2021, 6, 1)))
def test_windows_of_days_are_sums_of_days(ticker: str, span: tuple[int, str], day: date) -> None:
    multiplier, timespan = span
    wide = MARKET.bars(ticker, day, day + timedelta(400), multiplier=multiplier, timespan=timespan)
    first = day - timedelta(366 * multiplier)
    assert_windows_are_sums(wide, MARKET.bars(ticker, first, day + timedelta(400)))


@heavy
@given(NAMES, SHORT, INTRADAY)
def test_windows_of_minutes_are_sums_of_minutes(ticker: str, span: tuple[int, str], day: date) -> None:
    multiplier, timespan = span
    wide = MARKET.bars(ticker, day, day, multiplier=multiplier, timespan=timespan)
    base = "second" if timespan == "second" else "minute"
    assert_windows_are_sums(wide, MARKET.bars(ticker, day, day, timespan=base))


@pytest.mark.parametrize(
    ("timespan", "start"),
    [
        ("week", "2020-12-13"), ("month", "2020-12-01"), ("quarter", "2020-10-01"), ("year", "2020-01-01"),
        ("day", "2020-12-17"),
    ],
)  # fmt: skip
def test_windows_of_days_begin_at_midnight_new_york(timespan: str, start: str) -> None:
    [bar] = MARKET.bars("IBM", date(2020, 12, 17), date(2020, 12, 17), timespan=timespan)
    offset = "-04:00" if "-04-" < start[4:] < "-11-" else "-05:00"
    assert bar["t"] == datetime.fromisoformat(f"{start}T00:00:00{offset}").timestamp() * 1000


@pytest.mark.parametrize(
    ("day", "close"),
    [
        ("2020-12-15", 633.25), ("2020-12-16", 622.77), ("2020-12-17", 655.9), ("2020-12-18", 695.0),
        ("2020-12-21", 649.86), ("2022-03-04", 838.29), ("2022-03-07", 804.58), ("2022-03-08", 824.4),
        ("2022-03-09", 858.97), ("2022-03-10", 838.3),
    ],
)  # fmt: skip
def test_tsla_closed_as_it_really_did_whatever_the_seed(day: str, close: float) -> None:
    for each in (MARKET, market(seed=99)):
        bar = each.day_bar("TSLA", date.fromisoformat(day), adjusted=False)
        assert bar is not None
        assert bar["c"] == close


def test_tsla_is_near_its_real_closes_on_the_days_between() -> None:
    for bar in MARKET.bars("TSLA", date(2020, 12, 1), date(2021, 1, 15), adjusted=False):
        assert 450 < bar["c"] < 900


def test_the_well_known_splits_are_listed() -> None:
    def of(ticker: str) -> list[tuple[str, float]]:
        return [(s.execution_date, s.ratio) for s in MARKET.splits(ticker)]

    assert of("TSLA") == [("2020-08-31", 5), ("2022-08-25", 3)]
    assert of("AAPL")[-2:] == [("2014-06-09", 7), ("2020-08-31", 4)]
    assert of("NVDA") == [("2021-07-20", 4), ("2024-06-10", 10)]
    assert of("AMZN") == [("2022-06-06", 20)]
    assert of("GOOGL") == [("2022-07-18", 20)]
    assert of("NEWCO") == of("nobody") == []


def test_a_split_is_listed_three_weeks_ahead_and_counts_from_its_day() -> None:
    assert MARKET.splits("TSLA", date(2022, 8, 3))[-1].execution_date == "2020-08-31"
    assert MARKET.splits("TSLA", date(2022, 8, 4))[-1].execution_date == "2022-08-25"
    before = MARKET.day_bar("TSLA", date(2022, 3, 4), as_of=date(2022, 8, 24))
    after = MARKET.day_bar("TSLA", date(2022, 3, 4), as_of=date(2022, 8, 25))
    assert before is not None
    assert after is not None
    assert (before["c"], after["c"]) == (838.29, 279.43)


def test_raw_prices_fall_by_the_ratio_on_the_day_of_a_split() -> None:
    eve, morning = MARKET.bars("AAPL", date(2020, 8, 28), date(2020, 8, 31), adjusted=False)
    assert eve["c"] / morning["c"] == pytest.approx(4, rel=0.1)


def test_the_universe_has_all_kinds_of_names() -> None:
    listings = list(market(universe=3000).universe)
    assert len(listings) == 3000
    assert len({listing.ticker for listing in listings}) == 3000
    assert 0.07 < sum(listing.otc for listing in listings) / 3000 < 0.15
    assert 0.07 < sum(listing.delisted for listing in listings) / 3000 < 0.13
    assert {"CS", "PFD", "ETF", "ADRC", "OS"} == {listing.type for listing in listings}
    assert any("." in listing.ticker for listing in listings)
    assert all(listing.ticker[-1] in "FY" for listing in listings if listing.otc)
    assert any(listing.ticker[-2] == "p" for listing in listings if listing.type == "PFD")


def test_tickers_are_case_sensitive_and_asked_names_are_added() -> None:
    assert MARKET.universe.get("AMpB") is not None
    assert MARKET.universe.get("AMPB") is None
    assert MARKET.universe.get("tsla") is None
    newcomer = MARKET.listing("NEWCO")
    assert (newcomer.presence, newcomer.made) == (1.0, False)
    with pytest.raises(KeyError):
        MARKET.listing("nobody")
    assert MARKET.bars("nobody", FIRST, LAST) == []


@heavy
@given(SESSIONS)
def test_the_whole_market_is_the_union_of_each_names_bar(day: date) -> None:
    number = day.toordinal()
    rows = {row["T"]: row for row in MARKET.grouped(MARKET.universe, number, number, SETTLED)}
    for listing in MARKET.universe:
        bar = MARKET.day_bar(listing.ticker, day, as_of=day)
        row = rows.get(listing.ticker)
        if bar is None:
            assert row is None
        else:
            assert row == {"T": listing.ticker, **bar, "t": row and row["t"]}
