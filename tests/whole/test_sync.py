"""Whole syncs in this process: what they write is what the API has, and what they vouch for was written."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Any

import pytest
from small_market import ORDINARY, name_with, sandbox_at
from support import BARS, BOTH, PRICES, advance_days, at, made_names, rows_of, schema_faults, sync, truth

from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault

Serve = Callable[..., AbstractAsyncContextManager[Sandbox]]


@pytest.fixture(params=["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The machine's time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.delenv("TZ")
    time.tzset()


# Truth: all of it, once, right.


@pytest.mark.parametrize("adjusted", [True, False])
@pytest.mark.parametrize("plan", ["advanced", "basic"])
async def test_a_sync_writes_exactly_what_the_api_has(
    plan: str,
    adjusted: bool,  # noqa: FBT001 - a case
) -> None:
    async with sandbox_at("2022-12-22", plan=plan, calls_per_minute=1000) as sandbox:
        run = await sync(sandbox, ORDINARY, start_date="2021-06-01", adjusted=adjusted)
        assert run.code == 0
        for stream in BOTH:
            wanted = truth(sandbox, stream, ORDINARY, "2021-06-01", "2022-12-21", adjusted=adjusted)
            assert rows_of(stream, run) == wanted
            assert len(run.records(stream)) == len(wanted), "a primary key was written twice"
            assert schema_faults(stream, run.records(stream)) == []
        assert len(run.calls) == 3 + adjusted, "both streams share their calls"


@pytest.mark.parametrize(
    "bar", [(1, "week"), (1, "month"), (2, "week"), (3, "month"), (1, "quarter"), (1, "year")]
)
async def test_long_bars_are_those_of_the_api(bar: tuple[int, str]) -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        options: dict[str, Any] = {"start_date": "2017-03-01", "multiplier": bar[0], "timespan": bar[1]}
        run = await sync(sandbox, ORDINARY, **options)
        last = f"{date(2020, 12, 21)}"
        assert rows_of(PRICES, run) == truth(sandbox, PRICES, ORDINARY, "2017-03-01", last)
        wanted = truth(sandbox, BARS, ORDINARY, "2017-03-01", last, bar=bar)
        found = rows_of(BARS, run)
        assert found.keys() == wanted.keys()
        # the bar that holds today is not whole yet
        last = max(row["date"] for row in found.values())
        whole = {key: row for key, row in wanted.items() if row["date"] < last}
        assert {key: found[key] for key in whole} == whole


@pytest.mark.parametrize("adjusted", [True, False])
@pytest.mark.parametrize("bar", [(1, "minute"), (5, "minute"), (1, "hour"), (30, "second")])
async def test_short_bars_are_those_of_the_api(
    bar: tuple[int, str],
    adjusted: bool,  # noqa: FBT001 - a case
) -> None:
    async with sandbox_at("2020-09-02", page_rows=2000) as sandbox:
        # over the split of 2020-08-31
        options: dict[str, Any] = {"start_date": "2020-08-28", "multiplier": bar[0], "timespan": bar[1]}
        run = await sync(sandbox, "TSLA,AAA", streams=[BARS], adjusted=adjusted, **options)
        wanted = truth(sandbox, BARS, ("TSLA", "AAA"), "2020-08-28", "2020-09-01", adjusted=adjusted, bar=bar)
        assert rows_of(BARS, run) == wanted
        assert len(run.records(BARS)) == len(wanted)
        assert schema_faults(BARS, run.records(BARS)[::200]) == []


async def test_a_further_page_that_is_empty_for_a_moment_loses_nothing() -> None:
    """Others are in step, so that the cursor would have passed what it should have had."""
    async with sandbox_at("2020-12-22", page_rows=3) as sandbox:
        before = await sync(sandbox, "AAA", streams=[PRICES], start_date="2020-12-01")
        sandbox.faults.add(Fault(kind="body", transform="empty", match="/BBB/", after=1))
        run = await sync(sandbox, "AAA,BBB", streams=[PRICES], before=before, start_date="2020-12-01")
        assert run.code == 0
        assert run.cursors(PRICES) == {"AAA": "2020-12-21", "BBB": "2020-12-21"}
        wanted = truth(sandbox, PRICES, ["AAA", "BBB"], "2020-12-01", "2020-12-21")
        assert rows_of(PRICES, before, run) == wanted
        # what is empty twice is believed
        sandbox.faults.add(Fault(kind="body", transform="empty", match="/AAA/", after=1, times=2))
        again = await sync(sandbox, "AAA", streams=[PRICES], start_date="2020-12-01")
        assert again.cursors(PRICES) == {"AAA": "2020-12-03"}
        assert len(again.paths("/AAA/")) == 3


@pytest.mark.parametrize(("first", "today"), [("2020-03-04", "2020-03-13"), ("2020-10-28", "2020-11-06")])
async def test_dates_are_new_york_s_over_a_clock_change_in_any_time_zone(
    zone: str, first: str, today: str
) -> None:
    assert os.environ["TZ"] == zone
    async with sandbox_at(today) as sandbox:
        daily = await sync(sandbox, "AAA", start_date=first)
        minutes = await sync(sandbox, "AAA", streams=[BARS], start_date=first, timespan="hour")
        last = str(date.fromisoformat(today).replace(day=int(today[-2:]) - 1))
        for stream in BOTH:
            assert rows_of(stream, daily) == truth(sandbox, stream, ["AAA"], first, last)
        assert rows_of(BARS, minutes) == truth(sandbox, BARS, ["AAA"], first, last, bar=(1, "hour"))


async def test_holidays_and_half_days_are_neither_lost_nor_invented() -> None:
    async with sandbox_at("2020-12-29") as sandbox:
        run = await sync(sandbox, "AAA", start_date="2020-11-25")
        days = {row["date"] for row in run.records(PRICES)}
        assert days.isdisjoint({"2020-11-26", "2020-12-25"})
        assert {"2020-11-27", "2020-12-24"} <= days, "half days"
        assert rows_of(PRICES, run) == truth(sandbox, PRICES, ["AAA"], "2020-11-25", "2020-12-28")


@pytest.mark.parametrize("empty", ["absent", "null", "list"])
async def test_grouped_and_range_answers_give_the_same_rows(empty: str) -> None:
    names = made_names(60)
    async with sandbox_at("2020-12-29", tickers=tuple(names), empty=empty) as sandbox:
        few = await sync(sandbox, names[:3], start_date="2020-12-23")
        many = await sync(sandbox, names, start_date="2020-12-23")
        assert few.paths("/range/")
        assert not few.paths("/grouped/")
        assert not many.paths("/range/")
        assert len(many.paths("/grouped/")) == 4, "23, 24, 25 (which no calendar may leave out) and 28"
        for stream in BOTH:
            wanted = truth(sandbox, stream, names, "2020-12-23", "2020-12-28")
            assert rows_of(stream, many) == wanted
            assert {k: v for k, v in wanted.items() if k[0] in names[:3]} == rows_of(stream, few)


# Settled: what the cursor waits for.


async def test_today_is_written_but_the_cursor_waits() -> None:
    async with sandbox_at("2020-12-22", hour=12) as sandbox:
        run = await sync(sandbox, "AAA", start_date="2020-12-21")
        assert [row["date"] for row in run.records(PRICES)] == ["2020-12-21", "2020-12-22"]
        assert run.cursors(PRICES) == {"AAA": "2020-12-21"}
        assert run.cursors(BARS) == {"AAA": "2020-12-21"}
        advance_days(sandbox)
        following = await sync(sandbox, "AAA", before=run, start_date="2020-12-21")
        assert rows_of(PRICES, run, following) | {} == {
            **truth(sandbox, PRICES, ["AAA"], "2020-12-21", "2020-12-22"),
            **{k: v for k, v in rows_of(PRICES, following).items() if v["date"] == "2020-12-23"},
        }


@pytest.mark.parametrize("lookback", [0, 1, 3])
async def test_lookback_reads_settled_sessions_again_for_late_corrections(lookback: int) -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        # the last answer lacks its middle bar: 17 of 14, 15, 16, 17, 18, 21, as an API corrected later would
        sandbox.faults.add(Fault(kind="edit", edit="missing", match="/range/", times=2))
        run = await sync(sandbox, "AAA", start_date="2020-12-14", lookback_days=lookback)
        assert "2020-12-17" not in {row["date"] for row in run.records(PRICES)}
        advance_days(sandbox)
        following = await sync(sandbox, "AAA", before=run, start_date="2020-12-14", lookback_days=lookback)
        again = sorted(row["date"] for row in following.records(PRICES))
        assert again == ["2020-12-17", "2020-12-18", "2020-12-21", "2020-12-22"][3 - lookback :]


async def test_sessions_not_published_hold_the_cursor() -> None:
    async with sandbox_at("2020-12-22", unpublished=2) as sandbox:
        run = await sync(sandbox, ORDINARY, start_date="2020-12-14")
        assert run.code == 0
        assert set(run.cursors(PRICES).values()) == {"2020-12-17"}
        sandbox.unpublished = 0
        following = await sync(sandbox, ORDINARY, before=run, start_date="2020-12-14")
        for stream in BOTH:
            wanted = truth(sandbox, stream, ORDINARY, "2020-12-14", "2020-12-21")
            assert rows_of(stream, run, following) == wanted


async def test_a_plan_that_has_not_published_yet_is_no_error() -> None:
    async with sandbox_at("2020-12-22", hour=12, plan="basic", calls_per_minute=1000) as sandbox:
        first = await sync(sandbox, ORDINARY, start_date="2020-12-21")
        # in step: today alone is asked, which the free plan refuses as a timeframe
        again = await sync(sandbox, ORDINARY, before=first, start_date="2020-12-21", lookback_days=0)
        assert (first.code, again.code) == (0, 0)
        assert [call.status for call in again.calls if "/range/" in call.path] == [403, 403, 403]
        assert again.told("WARN") == []
        assert len([text for text in again.told("INFO") if "not published yet" in text]) == 1
        assert set(again.cursors(PRICES).values()) == {"2020-12-21"}


async def test_a_grouped_session_not_published_yet_is_no_error() -> None:
    names = made_names(60)
    async with sandbox_at(
        "2020-12-22", hour=12, plan="basic", calls_per_minute=1000, tickers=tuple(names)
    ) as sandbox:
        run = await sync(sandbox, names, start_date="2020-12-21")
        assert [call.status for call in run.calls if "/grouped/" in call.path] == [200, 403]
        assert run.code == 0
        assert set(run.cursors(PRICES).values()) == {"2020-12-21"}


async def test_a_session_that_nobody_has_holds_the_cursor() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="empty", match="/range/", times=None))
        run = await sync(sandbox, ORDINARY, start_date="2020-12-14")
        assert run.code == 0
        assert run.cursors(PRICES) == {}
        sandbox.faults.clear()
        following = await sync(sandbox, ORDINARY, before=run, start_date="2020-12-14")
        assert rows_of(PRICES, following) == truth(sandbox, PRICES, ORDINARY, "2020-12-14", "2020-12-21")


# What the API gets wrong.


async def test_a_transient_empty_answer_heals_without_a_word() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="empty", match="/AAA/range/"))
        run = await sync(sandbox, ORDINARY, start_date="2020-12-14")
        assert len(run.paths("/AAA/range/")) == 2
        assert rows_of(PRICES, run) == truth(sandbox, PRICES, ORDINARY, "2020-12-14", "2020-12-21")
        assert run.told("WARN") == []


async def test_a_transient_empty_session_heals_without_a_word() -> None:
    names = made_names(60)
    async with sandbox_at("2020-12-22", tickers=tuple(names)) as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="empty", match="/2020-12-18"))
        run = await sync(sandbox, names, start_date="2020-12-17")
        assert rows_of(BARS, run) == truth(sandbox, BARS, names, "2020-12-17", "2020-12-21")
        assert run.told("WARN") == []


async def test_an_empty_answer_covers_nothing_before_it_was_confirmed() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        run = await sync(sandbox, "AAA,BBB", start_date="2020-12-14")
        advance_days(sandbox)
        sandbox.faults.add(Fault(kind="body", transform="empty", match="/BBB/range/"))
        sandbox.faults.add(Fault(kind="body", transform="html", match="/BBB/range/", times=3))
        failed = await sync(sandbox, "AAA,BBB", before=run, start_date="2020-12-14")
        assert failed.code == 1
        assert failed.cursors(PRICES) == {"AAA": "2020-12-22", "BBB": "2020-12-21"}


async def test_a_market_ticker_without_a_bar_is_read_again_once() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        sandbox.add_split("BBB", date(2020, 12, 16), 1, 2)
        run = await sync(sandbox, "*", start_date="2020-12-14")
        sandbox.withdraw_split("BBB", date(2020, 12, 16))
        advance_days(sandbox)
        sandbox.faults.add(Fault(kind="body", transform="empty", match="/BBB/range/", times=2))
        following = await sync(sandbox, "*", before=run, start_date="2020-12-14")
        assert following.code == 0
        assert len(following.paths("/range/")) == 2


async def test_history_that_the_plan_lacks_whole_is_told_for_every_ticker() -> None:
    window: dict[str, Any] = {"start_date": "2020-01-02", "end_date": "2020-06-30", "timespan": "minute"}
    async with sandbox_at("2022-12-22", plan="basic", calls_per_minute=1000) as sandbox:
        run = await sync(sandbox, ORDINARY, streams=[BARS], max_concurrent_requests=1, **window)
        assert run.code == 1
        [error] = run.errors(BARS)
        assert {name for name in ORDINARY if name in error["message"]} == set(ORDINARY)
        assert run.cursors(BARS) == {}
        refused = [call for call in run.calls if call.status == 403]
        assert len(refused) == 3, "the first piece, the same once more, and the last day"


async def test_an_answer_that_we_cannot_understand_fails_its_ticker_alone() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="status", status=400, body=b'{"error":"no"}', match="/BBB/range/"))
        run = await sync(sandbox, "AAA,BBB", start_date="2020-12-14")
        assert run.code == 1
        [error] = run.errors(PRICES)
        assert error["failure_type"] == "system_error"
        assert error["message"].startswith("BBB: The API refused our request (400): no")
        assert run.cursors(PRICES) == {"AAA": "2020-12-21"}


async def test_otc_stocks_are_part_of_the_market_only_if_asked() -> None:
    async with sandbox_at("2020-12-22", universe=300) as sandbox:
        day = date(2020, 12, 21)
        otc = name_with(sandbox, lambda one: one.otc and bool(sandbox.market.day_bar(one.ticker, day)))
        without = await sync(sandbox, "*", start_date=str(day))
        within = await sync(sandbox, "*", start_date=str(day), include_otc=True)
        named = await sync(sandbox, otc, start_date=str(day))
        assert not any(row["otc"] for row in without.records(BARS))
        assert (otc, "2020-12-21") in rows_of(PRICES, within)
        assert [row["otc"] for row in named.records(BARS)] == [True]
        # read again for a split: still left out
        sandbox.add_split(otc, date(2020, 12, 21), 1, 2)
        sandbox.clock.set(at("2020-12-23"))
        again = await sync(sandbox, "*", before=without, start_date=str(day.replace(day=18)))
        assert again.code == 0
        assert not any(row["otc"] for row in again.records(BARS))


@pytest.mark.parametrize("tickers", ["AAA", "*"])
@pytest.mark.parametrize("end", ["2020-12-18", "2020-12-20", "2020-12-25", "2020-12-27"])
async def test_an_end_in_the_past_is_reached_on_a_closed_day_too(end: str, tickers: str) -> None:
    async with sandbox_at("2021-01-06") as sandbox:
        options: dict[str, Any] = {"start_date": "2020-12-14", "end_date": end}
        run = await sync(sandbox, tickers, **options)
        again = await sync(sandbox, tickers, before=run, **options)
        assert again.paths("/aggs/") == []
        assert [path for path in again.paths("/") if "/splits" not in path] == []
        onward = await sync(sandbox, tickers, before=again, start_date="2020-12-14", lookback_days=0)
        names = (
            ["AAA"] if tickers == "AAA" else [one.ticker for one in sandbox.market.universe if not one.otc]
        )
        for stream in BOTH:
            assert set(run.cursors(stream).values()) == {end}
            wanted = truth(sandbox, stream, names, "2020-12-14", "2021-01-05")
            assert rows_of(stream, run, again, onward) == wanted


@pytest.mark.parametrize("lookback", [0, 1])
async def test_a_closed_day_at_the_end_is_passed_when_it_is_over(lookback: int) -> None:
    options: dict[str, Any] = {
        "start_date": "2020-12-21",
        "end_date": "2020-12-25",
        "lookback_days": lookback,
    }
    async with sandbox_at("2020-12-25", hour=12) as sandbox:
        run = await sync(sandbox, "AAA", **options)
        assert run.cursors(PRICES) == {"AAA": "2020-12-24"}
        advance_days(sandbox)
        later = await sync(sandbox, "AAA", before=run, **options)
        assert later.cursors(PRICES) == {"AAA": "2020-12-25"}
        again = await sync(sandbox, "AAA", before=later, **options)
        assert again.paths("/aggs/") == []


async def test_a_window_without_a_session_is_asked_once() -> None:
    async with sandbox_at("2020-12-29") as sandbox:
        run = await sync(sandbox, "AAA", start_date="2020-12-25", end_date="2020-12-27")
        assert run.cursors(PRICES) == {"AAA": "2020-12-27"}
        again = await sync(sandbox, "AAA", before=run, start_date="2020-12-25", end_date="2020-12-27")
        assert again.paths("/aggs/") == []


@pytest.mark.parametrize(
    "bar", [(1, "week"), (2, "week"), (3, "day"), (1, "month"), (3, "month"), (1, "year")]
)
@pytest.mark.parametrize("end", ["2020-11-18", "2020-11-26", "2020-11-30"])
async def test_long_bars_up_to_an_end_in_the_past_are_asked_once(bar: tuple[int, str], end: str) -> None:
    options: dict[str, Any] = {"multiplier": bar[0], "timespan": bar[1], "start_date": "2019-03-01"}
    async with sandbox_at("2020-12-22") as sandbox:
        run = await sync(sandbox, "AAA", streams=[BARS], end_date=end, **options)
        assert run.cursors(BARS) == {"AAA": end}
        again = await sync(sandbox, "AAA", streams=[BARS], before=run, end_date=end, **options)
        assert again.paths("/aggs/") == []
        onward = await sync(sandbox, "AAA", streams=[BARS], before=again, **options)
        found, wanted = (
            rows_of(BARS, run, again, onward),
            truth(sandbox, BARS, ["AAA"], "2019-03-01", "2020-12-21", bar=bar),
        )
        assert found.keys() == wanted.keys()
        # the bars of the end's and of today's window are whole as soon as they are over
        now = max(row["date"] for row in wanted.values())
        assert [key for key in wanted if found[key] != wanted[key] and wanted[key]["date"] < now] == []


@pytest.mark.parametrize("lookback", [0, 1])
@pytest.mark.parametrize("bar", [(1, "week"), (2, "day"), (1, "month")])
async def test_long_bars_of_an_api_that_is_late_are_whole_in_the_end(
    bar: tuple[int, str], lookback: int
) -> None:
    options: dict[str, Any] = {"multiplier": bar[0], "timespan": bar[1], "start_date": "2020-10-01"}
    async with sandbox_at("2020-11-25", unpublished=1) as sandbox:
        runs = [await sync(sandbox, "AAA", streams=[BARS], lookback_days=lookback, **options)]
        for _ in range(9):
            advance_days(sandbox)
            runs.append(
                await sync(sandbox, "AAA", streams=[BARS], before=runs[-1], lookback_days=lookback, **options)
            )
        last = sandbox.clock.now().date()
        found = rows_of(BARS, *runs)
        wanted = truth(sandbox, BARS, ["AAA"], "2020-10-01", str(last), bar=bar)
        now = max(row["date"] for row in found.values())
        assert [key for key in wanted if wanted[key]["date"] < now and found.get(key) != wanted[key]] == []
