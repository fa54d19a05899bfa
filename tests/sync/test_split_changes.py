"""What changes the history that was read: a split is followed before the first bar, and asked for twice."""

from datetime import date, timedelta

import pytest
from asking import sandbox
from kept import keep

from stockticker_async.sandbox.service.faults import Fault

SINCE = date(2020, 12, 1)
EMPTY = b'{"status":"OK","results":[]}'


async def test_a_split_since_the_last_sync_has_its_ticker_read_again_and_no_other() -> None:
    async with sandbox(tickers=("AAA", "BBB")) as served:
        (before,) = await keep(served, ["AAA", "BBB"], "stock_prices", start_date=SINCE)
        served.clock.advance(timedelta(days=1).total_seconds())
        served.add_split("AAA", date(2020, 12, 23), 1, 2)
        (after,) = await keep(
            served, ["AAA", "BBB"], "stock_prices", start_date=SINCE, blobs={before.name: before.state}
        )
    days = {name: [row for row in after.found if row["ticker"] == name] for name in ("AAA", "BBB")}
    assert len(days["AAA"]) > len(days["BBB"]) > 0
    assert after.told.index("replaced") < after.told.index("rows")
    first = min(row["t"] for row in days["AAA"])
    (old,) = [row["c"] for row in before.found if row.get("t") == first and row["ticker"] == "AAA"]
    (new,) = [row["c"] for row in days["AAA"] if row["t"] == first]
    assert new == pytest.approx(old / 2, rel=0.001)


async def test_splits_are_asked_before_the_first_bar() -> None:
    async with sandbox() as served:
        await keep(served, ["TSLA"], "stock_prices", start_date=SINCE)
        assert "/splits" in served.calls[0].path
        assert "/aggs/" in served.calls[-1].path


async def test_raw_bars_need_no_splits() -> None:
    async with sandbox() as served:
        await keep(served, ["TSLA"], "stock_prices", start_date=SINCE, adjusted=False)
        assert not [call for call in served.calls if "/splits" in call.path]


async def test_a_moment_without_splits_rewrites_no_history() -> None:
    """TSLA was split in August: an answer without that split is asked for again."""
    since = date(2020, 8, 3)
    async with sandbox() as served:
        (before,) = await keep(served, ["TSLA"], "stock_prices", start_date=since)
        served.faults.add(Fault(kind="body", match="/splits", body=EMPTY))
        first = len(served.calls)
        blobs = {before.name: before.state}
        (after,) = await keep(served, ["TSLA"], "stock_prices", start_date=since, blobs=blobs)
        assert sum("/splits" in call.path for call in served.calls[first:]) == 2
    assert "replaced" not in after.told
    assert len(after.found) <= 2 < len(before.found)


async def test_splits_that_cannot_be_had_are_told_and_the_bars_are_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = b'{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}'
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", match="/splits", status=403, body=body, times=None))
        (kept,) = await keep(served, ["TSLA"], "stock_prices", start_date=SINCE)
    assert kept.found
    told = "The splits cannot be read (the plan does not include this endpoint): adjusted history"
    assert sum(told in record.getMessage() for record in caplog.records) == 1


async def test_of_a_market_that_was_read_without_otc_stocks_those_that_may_be_one_begin_anew() -> None:
    async with sandbox() as served:
        otc = next(one.ticker for one in served.market.universe if one.otc)
        (market,) = await keep(served, [], "stock_prices", start_date=date(2020, 12, 18))
        (named,) = await keep(
            served,
            ["TSLA", otc],
            "stock_prices",
            start_date=date(2020, 12, 18),
            blobs={market.name: market.state},
            lookback_days=0,
        )
    assert otc not in {row["ticker"] for row in market.found}
    assert {row["ticker"] for row in named.found if row.get("t")} <= {otc, "TSLA"}
    assert any(row["ticker"] == otc for row in named.found)
