"""Exchanges, kinds of names and conditions: what codes mean."""

from typing import Any

import pytest
from sandbox.asker import opened

EXCHANGES = "/v3/reference/exchanges"
TYPES = "/v3/reference/tickers/types"
CONDITIONS = "/v3/reference/conditions"


@pytest.mark.parametrize("path", [EXCHANGES, TYPES, CONDITIONS])
async def test_each_comes_with_its_count_and_is_filtered_by_asset_class(path: str) -> None:
    async with opened() as asker:
        reply = await asker.get(path, limit="1000")
        assert list(reply.page) == ["results", "status", "request_id", "count"]
        assert (reply.page["status"], reply.page["count"]) == ("OK", len(reply.rows))
        assert reply.page["request_id"] == reply.headers["X-Request-Id"]
        stocks = (await asker.get(path, asset_class="stocks", limit="1000")).rows
        assert stocks == [row for row in reply.rows if row["asset_class"] == "stocks"]
        assert len(reply.rows) > len(stocks) > 10


@pytest.mark.parametrize(
    ("path", "required", "optional"),
    [
        (
            EXCHANGES,
            {"id": int, "type": str, "asset_class": str, "locale": str, "name": str},
            {"acronym": str, "mic": str, "operating_mic": str, "participant_id": str, "url": str},
        ),
        (TYPES, {"code": str, "description": str, "asset_class": str, "locale": str}, {}),
        (
            CONDITIONS,
            {
                "id": int, "type": str, "name": str, "asset_class": str, "sip_mapping": dict,
                "data_types": list,
            },
            {
                "update_rules": dict, "legacy": bool, "abbreviation": str, "exchange": int,
                "description": str,
            },
        ),
    ],
)  # fmt: skip
async def test_rows_have_the_published_fields(
    path: str, required: dict[str, type], optional: dict[str, type]
) -> None:
    async with opened() as asker:
        rows = (await asker.get(path, limit="1000")).rows
        for row in rows:
            shape = {name: type(value) for name, value in row.items()}
            assert required.items() <= shape.items() <= {**required, **optional}.items()
            assert "" not in row.values()
        assert {name for row in rows for name in row} == required.keys() | optional.keys()


async def test_every_code_of_a_ticker_can_be_looked_up() -> None:
    async with opened(universe=3000) as asker:
        mics = {row.get("mic") for row in (await asker.get(EXCHANGES, locale="us")).rows}
        kinds = {row["code"] for row in (await asker.get(TYPES)).rows}
        listings = list(asker.sandbox.market.universe)
        assert {each.type for each in listings} <= kinds
        assert {each.exchange for each in listings if not each.otc} <= mics


async def test_facilities_share_ids_and_conditions_of_trades_and_quotes_do() -> None:
    async with opened() as asker:
        venues = (await asker.get(EXCHANGES, asset_class="stocks")).rows
        assert len([row for row in venues if row["id"] == 4]) == 4
        assert len({row["name"] for row in venues}) == len(venues)
        ones = (await asker.get(CONDITIONS, id="1", asset_class="stocks")).rows
        assert [row["data_types"] for row in ones] == [["trade"], ["bbo", "nbbo"]]
        assert (await asker.get(CONDITIONS, id="100000")).rows == []


async def test_a_condition_of_one_exchange_names_it() -> None:
    async with opened() as asker:
        names = {row["id"]: row["name"] for row in (await asker.get(EXCHANGES, asset_class="stocks")).rows}
        rows = (await asker.get(CONDITIONS, limit="1000")).rows
        told = {row["name"]: names[row["exchange"]] for row in rows if "exchange" in row}
        assert told["Rule 127 (NYSE)"] == "New York Stock Exchange"


async def test_conditions_are_filtered_by_data_and_tape() -> None:
    async with opened() as asker:
        rows = (await asker.get(CONDITIONS, limit="1000")).rows
        for kind in ("trade", "bbo", "nbbo"):
            some = (await asker.get(CONDITIONS, data_type=kind, limit="1000")).rows
            assert some == [row for row in rows if kind in row["data_types"]]
        for sip in ("CTA", "UTP", "OPRA"):
            some = (await asker.get(CONDITIONS, sip=sip, limit="1000")).rows
            assert 0 < len(some) < len(rows)
            assert some == [row for row in rows if sip in row["sip_mapping"]]


async def test_an_odd_lot_counts_for_the_volume_alone() -> None:
    async with opened() as asker:
        odd = (await asker.get(CONDITIONS, id="37")).rows[0]
        assert (odd["name"], odd["sip_mapping"]) == ("Odd Lot Trade", {"CTA": "I", "UTP": "I"})
        for rules in odd["update_rules"].values():
            assert rules == {"updates_high_low": False, "updates_open_close": False, "updates_volume": True}


async def test_conditions_come_ten_a_page_and_the_pages_add_up() -> None:
    async with opened() as asker:
        whole = (await asker.get(CONDITIONS, limit="1000", sort="id", order="desc")).rows
        assert [row["id"] for row in whole] == sorted((row["id"] for row in whole), reverse=True)
        pages = await asker.pages(CONDITIONS, sort="id", order="desc")
        assert {page["count"] for page in pages[:-1]} == {10}
        assert [row for page in pages for row in page["results"]] == whole
        assert await asker.all_rows(CONDITIONS, sip="CTA", limit="7") == (
            (await asker.get(CONDITIONS, sip="CTA", limit="1000")).rows
        )


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (EXCHANGES, {"asset_class": "indices"}),
        (EXCHANGES, {"locale": "eu"}),
        (TYPES, {"asset_class": "futures"}),
        (CONDITIONS, {"asset_class": "bonds"}),
        (CONDITIONS, {"data_type": "trades"}),
        (CONDITIONS, {"sip": "XYZ"}),
        (CONDITIONS, {"id": "one"}),
        (CONDITIONS, {"limit": "1001"}),
        (CONDITIONS, {"sort": "exchange"}),
    ],
)
async def test_wrong_filters_are_400s_that_name_them(path: str, query: dict[str, Any]) -> None:
    async with opened() as asker:
        reply = await asker.get(path, **query)
        assert reply.status == 400
        assert list(reply.page) == ["status", "request_id", "error"]
        assert f"'{next(iter(query))}'" in reply.page["error"]
