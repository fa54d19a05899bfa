"""Minute bars of the whole market, and of long lists, from flat files: whole, once, and from a state on."""

from typing import Any

import pytest
from flat_files import (
    FIRST,
    LAST,
    bucket_at,
    file_calls,
    keys,
    minutes,
    read_minutes,
    rows_once,
    sessions_read,
)
from support import BARS, Interrupted, advance_days, rows_of, schema_faults

from stockticker_async.sandbox.service.faults import Fault


async def test_the_minutes_of_the_market_are_read_exactly_from_a_file_a_session() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        run = await read_minutes(sandbox)
        assert run.code == 0
        assert sessions_read(run) == ["2020-12-18", "2020-12-21"]
        wanted = minutes(sandbox, FIRST, LAST)
        assert rows_of(BARS, run) == wanted
        assert len(rows_once(run)) == len(wanted)
        assert run.cursors(BARS) == {"*": LAST}
        assert not schema_faults(BARS, run.records(BARS)[:200])
        assert [call for call in run.calls if "/grouped/" in call.path] == [], (
            "no OTC stocks before 2021-12-31"
        )


@pytest.mark.long
async def test_since_the_files_have_otc_stocks_a_grouped_call_tells_them() -> None:
    async with bucket_at("2022-01-04", universe=120, seed=5) as sandbox:
        every = minutes(sandbox, "2022-01-03", "2022-01-03", otc=True)
        assert any(row["otc"] for row in every.values())
        for otc in (False, True):
            run = await read_minutes(sandbox, start_date="2022-01-03", end_date="2022-01-03", include_otc=otc)
            found = {key: (row["close"], row["otc"]) for key, row in rows_of(BARS, run).items()}
            assert found == {
                key: (row["close"], row["otc"]) for key, row in every.items() if otc or not row["otc"]
            }
            assert len(run.paths("/grouped/")) == 1


async def test_a_second_night_reads_the_new_session_only() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        first = await read_minutes(sandbox)
        advance_days(sandbox)
        second = await read_minutes(sandbox, before=first)
        assert sessions_read(second) == ["2020-12-22"], "the session looked back at has not changed"
        assert rows_of(BARS, first, second) == minutes(sandbox, FIRST, "2020-12-22")
        again = await read_minutes(sandbox, before=second)
        assert (again.code, sessions_read(again), again.records(BARS)) == (0, [], [])


async def test_a_replaced_file_is_read_again_within_the_lookback() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        options: dict[str, Any] = {"lookback_days": 2, "start_date": "2020-12-17", "requests_per_minute": 100}
        first = await read_minutes(sandbox, "AAA,BBB", **options)
        for session in ("2020-12-17", "2020-12-18"):
            sandbox.faults.add(Fault(kind="file", change="corrected", match=f"minute.*{session}"))
        second = await read_minutes(sandbox, "AAA,BBB", before=first, **options)
        assert sessions_read(second) == ["2020-12-18"]
        assert second.records(BARS)


@pytest.mark.parametrize("after", [20, 3_000, 50_000])
async def test_a_sync_that_is_killed_anywhere_goes_on_without_a_gap(after: int) -> None:
    async with bucket_at("2020-12-22") as sandbox:
        killed = await read_minutes(sandbox, lines=Interrupted(after))
        assert killed.code is None
        healed = await read_minutes(sandbox, before=killed)
        assert healed.code == 0
        assert rows_of(BARS, killed, healed) == minutes(sandbox, FIRST, LAST)


async def test_a_list_is_read_from_files_where_that_is_cheaper_and_by_name_where_not() -> None:
    async with bucket_at("2020-12-22", universe=2) as sandbox:
        few = await read_minutes(sandbox, "AAA,BBB")
        assert sessions_read(few) == []
        assert len(few.paths("/range/1/minute/")) == 2
        rationed = await read_minutes(sandbox, "AAA,BBB", requests_per_minute=100)
        assert len(sessions_read(rationed)) == 2
        assert rationed.paths("/range/") == []
        assert rows_of(BARS, rationed) == minutes(sandbox, FIRST, LAST, ["AAA", "BBB"])
        assert rationed.cursors(BARS) == {"AAA": LAST, "BBB": LAST}


async def test_adjusted_bars_never_come_from_files() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        run = await read_minutes(sandbox, "AAA,BBB", adjusted=True, requests_per_minute=100)
        assert sessions_read(run) == []
        assert any("flat_files is not used" in text for text in run.told("WARN"))


async def test_an_unknown_ticker_is_told_as_ever() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        run = await read_minutes(sandbox, "AAA,BBB,NOSUCH", requests_per_minute=100)
        assert run.code == 1
        assert run.errors(BARS)[0]["message"].startswith("NOSUCH: the API does not know")
        assert run.cursors(BARS) == {"AAA": LAST, "BBB": LAST}
        assert len(file_calls(run)) == 2


async def test_the_secret_defaults_to_the_api_key() -> None:
    async with bucket_at("2020-12-22", secret_access_key="demo-key") as sandbox:
        given = keys(sandbox)
        del given["secret_access_key"]
        assert sandbox.options.key == "demo-key"
        assert (await read_minutes(sandbox, files=given)).code == 0
