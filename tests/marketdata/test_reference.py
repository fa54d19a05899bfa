"""Whether the reference knows a ticker."""

from datetime import date

import pytest
from talking import talking

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata import reference
from stockticker_async.sandbox.service.faults import Fault


async def test_the_reference_knows_the_listed_and_not_the_made_up() -> None:
    async with talking() as (sandbox, client):
        assert await reference.is_known(client, "TSLA", None)
        assert not await reference.is_known(client, "NOPE", None)
        assert not await reference.is_known(client, "tsla", date(2020, 1, 2))
        sandbox.faults.add(Fault(kind="status", match="/tickers/", status=404, body=b"404 page not found"))
        assert await reference.is_known(client, "NOPE", None), "without a reference there is no telling"
        sandbox.faults.add(Fault(kind="body", match="/tickers/", body=b"[]", times=None))
        with pytest.raises(BadPageError, match="unknown form"):
            await reference.is_known(client, "TSLA", None)
