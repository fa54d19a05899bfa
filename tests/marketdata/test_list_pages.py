"""The pages of an answer: a 404 where there is always one."""

from datetime import date

import pytest
from talking import talking

from stockticker_async.errors import BadPageError, ConfigError
from stockticker_async.marketdata import bar_size, grouped, ranges
from stockticker_async.marketdata.bars import Asked
from stockticker_async.sandbox.service.faults import Fault

SINCE, UNTIL = date(2020, 1, 1), date(2022, 12, 31)


async def test_bars_answered_with_404_are_told_by_its_kind() -> None:
    async with talking() as (sandbox, client):
        asked = Asked("TSLA", SINCE, UNTIL, bar_size.ONE_DAY, adjusted=True)
        sandbox.faults.add(
            Fault(kind="status", match="/v2/", status=404, body=b"404 page not found", times=4)
        )
        with pytest.raises(ConfigError, match="base_url"):
            await anext(ranges.range_pages(client, asked))
        with pytest.raises(ConfigError, match="base_url"):
            await grouped.grouped_bars(client, UNTIL, adjusted=True, otc=True, wanted=None)
        gone = b'{"status":"NOT_FOUND","request_id":"1","message":"Data not found."}'
        sandbox.faults.add(Fault(kind="status", match="/v2/", status=404, body=gone, times=None))
        with pytest.raises(BadPageError, match="404"):
            await anext(ranges.range_pages(client, asked))
