"""Opening hours and holidays."""

from datetime import UTC, datetime

import pytest
from sandbox.asker import opened


async def test_holidays_to_come_are_a_bare_array_a_row_an_exchange() -> None:
    async with opened(now=datetime(2020, 11, 20, 17, tzinfo=UTC)) as asker:
        rows = (await asker.get("/v1/marketstatus/upcoming")).page
        assert rows[:3] == [
            {"date": "2020-11-26", "exchange": exchange, "name": "Thanksgiving", "status": "closed"}
            for exchange in ("NYSE", "NASDAQ", "OTC")
        ]
        assert rows[3] == {
            "date": "2020-11-27", "exchange": "NYSE", "name": "Thanksgiving", "status": "early-close",
            "open": "2020-11-27T14:30:00.000Z", "close": "2020-11-27T18:00:00.000Z",
        }  # fmt: skip
        assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
        asker.sandbox.clock.advance(30 * 86_400)
        assert (await asker.get("/v1/marketstatus/upcoming")).page[0]["date"] == "2020-12-24"


@pytest.mark.parametrize(
    ("utc", "market", "otc", "fx", "early", "late"),
    [
        ("2020-12-22T09:30", "extended-hours", "closed", "open", True, False),
        ("2020-12-22T17:00", "open", "open", "open", False, False),
        ("2020-12-22T22:00", "extended-hours", "closed", "open", False, True),
        ("2020-12-23T02:00", "closed", "closed", "open", False, False),
        ("2020-12-24T19:00", "extended-hours", "closed", "open", False, True),
        ("2020-12-25T17:00", "closed", "closed", "open", False, False),
        ("2020-12-25T23:00", "closed", "closed", "closed", False, False),
        ("2020-12-26T17:00", "closed", "closed", "closed", False, False),
        ("2020-12-27T17:00", "closed", "closed", "closed", False, False),
        ("2020-12-27T23:00", "closed", "closed", "open", False, False),
    ],
)
async def test_market_status(utc: str, market: str, otc: str, fx: str, *, early: bool, late: bool) -> None:
    async with opened(now=datetime.fromisoformat(f"{utc}Z")) as asker:
        page = (await asker.get("/v1/marketstatus/now")).page
        assert page["market"] == page["exchanges"]["nyse"] == page["exchanges"]["nasdaq"] == market
        assert (page["exchanges"]["otc"], page["currencies"]) == (otc, {"crypto": "open", "fx": fx})
        assert (page["earlyHours"], page["afterHours"]) == (early, late)
        assert datetime.fromisoformat(page["serverTime"]) == asker.sandbox.clock.now()
