"""The snapshot of the market."""

import pytest
from sandbox.asker import opened


async def test_the_snapshot_is_the_last_session_seen_and_the_one_before() -> None:
    async with opened() as asker:
        path = "/v2/snapshot/locale/us/markets/stocks/tickers"
        page = (await asker.get(path, tickers="TSLA,NOBODY,MSFT")).page
        assert [row["ticker"] for row in page["tickers"]] == ["TSLA", "MSFT"]
        tsla = page["tickers"][0]
        assert tsla["prevDay"]["c"] == 649.86
        assert tsla["updated"] == asker.sandbox.clock.epoch() * 1e9
        assert tsla["todaysChange"] == pytest.approx(tsla["day"]["c"] - 649.86)
        few, all_ = (await asker.get(path)).page, (await asker.get(path, include_otc="true")).page
        assert 50 < few["count"] < all_["count"] <= 200
