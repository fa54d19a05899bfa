"""A sync: every stream begins once, ends once, and fails for nobody but itself."""

from datetime import date

import pytest
from asking import sandbox
from kept import closes, keep

from stockticker_async.errors import ConfigError
from stockticker_async.sandbox.service.faults import Fault

SINCE = date(2020, 12, 14)
CLOSES = [648.23, 633.25, 622.77, 655.9, 695.0, 649.86]


async def test_each_stream_starts_before_its_rows_and_completes_after_them() -> None:
    async with sandbox() as served:
        kept = await keep(served, ["TSLA"], "stock_prices", "stock_bars", "exchanges", start_date=SINCE)
    for one in kept:
        assert [one.told[0], one.told[-1]] == ["start", "complete"]
        assert one.told.count("start") == one.told.count("complete") == 1
        assert one.found
    assert [closes(one)[:6] for one in kept[:2]] == [CLOSES, CLOSES]


async def test_streams_of_the_same_bars_share_their_calls() -> None:
    async with sandbox() as served:
        await keep(served, ["TSLA"], "stock_prices", "stock_bars", start_date=SINCE)
        assert sum("/range/" in call.path for call in served.calls) == 1


async def test_a_stream_that_fails_leaves_the_others_whole() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="body", match="/exchanges", body=b"<html>", times=None))
        prices, exchanges = await keep(served, ["TSLA"], "stock_prices", "exchanges", start_date=SINCE)
    assert not prices.failed
    assert closes(prices)[:6] == CLOSES
    assert exchanges.failed
    assert "HTML page" in exchanges.errors[0].message
    assert exchanges.told[-1] == "fail"


async def test_a_wrong_key_ends_every_stream_with_the_same_error() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", status=401, body=b'{"error":"Unknown API Key"}', times=None))
        kept = await keep(served, ["TSLA"], "stock_prices", "exchanges", start_date=SINCE)
    assert all(one.told[-1] == "fail" for one in kept)
    assert len({error.message for one in kept for error in one.errors}) == 1
    assert isinstance(kept[0].errors[0], ConfigError)


@pytest.mark.parametrize("streams", [("stock_prices",), ("open_close",), ("splits",)], ids=str)
async def test_a_sync_goes_on_from_the_state_that_the_last_one_has_left(streams: tuple[str, ...]) -> None:
    async with sandbox() as served:
        (first,) = await keep(served, ["TSLA"], *streams, start_date=SINCE)
        (second,) = await keep(
            served, ["TSLA"], *streams, start_date=SINCE, blobs={first.name: first.state}, lookback_days=0
        )
        assert second.state == first.state
    assert len(second.found) <= len(first.found)
    assert "replaced" not in second.told
