"""The tickers of a sync: each its own place."""

from datetime import date

from small_market import ORDINARY, name_with, sandbox_at
from support import BARS, BOTH, PRICES, advance_days, made_names, rows_of, sync, truth

from stockticker_async.sandbox.service.faults import Fault

# Tickers: each its own place.


async def test_tickers_that_did_not_trade_stay_in_step() -> None:
    async with sandbox_at("2020-12-22", universe=3000) as sandbox:
        day = date(2020, 12, 21).toordinal()
        illiquid = name_with(
            sandbox, lambda one: one.presence < 0.4 and one.first < day - 2000 and one.last > day
        )
        delisted = name_with(sandbox, lambda one: day - 400 < one.last < day - 100)
        names = ("AAA", illiquid, delisted)
        run = await sync(sandbox, names, start_date="2019-06-03")
        assert run.code == 0
        for stream in BOTH:
            assert rows_of(stream, run) == truth(sandbox, stream, names, "2019-06-03", "2020-12-21")
            assert run.cursors(stream) == dict.fromkeys(names, "2020-12-21")
        advance_days(sandbox)
        following = await sync(sandbox, names, before=run, start_date="2019-06-03")
        assert following.cursors(PRICES) == dict.fromkeys(names, "2020-12-22")
        assert following.code == 0


async def test_a_new_ticker_is_backfilled_alone_and_a_removed_one_leaves_the_state() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        run = await sync(sandbox, "AAA,BBB", start_date="2020-11-02")
        following = await sync(sandbox, "BBB,TSLA", before=run, start_date="2020-11-02", lookback_days=0)
        assert {row["stock_ticker"] for row in following.records(PRICES)} == {"TSLA"}
        assert rows_of(BARS, following) == truth(sandbox, BARS, ["TSLA"], "2020-11-02", "2020-12-21")
        assert following.cursors(BARS).keys() == {"BBB", "TSLA"}
        assert len(following.paths("/range/")) == 1


async def test_a_failing_ticker_stays_behind_and_the_next_sync_completes_the_set() -> None:
    names = (*ORDINARY, "BBB")
    async with sandbox_at("2020-12-22") as sandbox:
        run = await sync(sandbox, names, start_date="2020-12-14")
        advance_days(sandbox)
        sandbox.faults.add(Fault(kind="body", transform="html", match="/BBB/", times=3))
        failed = await sync(sandbox, names, before=run, start_date="2020-12-14")
        assert failed.code == 1
        assert len(failed.paths("/BBB/")) == 3
        for stream in BOTH:
            assert failed.statuses(stream)[-1] == "INCOMPLETE"
            [error] = failed.errors(stream)
            assert error["message"].startswith("BBB: the API answered 200 with an HTML page")
            assert error["failure_type"] == "transient_error"
            assert failed.cursors(stream) == dict.fromkeys(ORDINARY, "2020-12-22") | {"BBB": "2020-12-21"}
        advance_days(sandbox)
        healed = await sync(sandbox, names, before=failed, start_date="2020-12-14")
        assert healed.code == 0
        assert "/BBB/" in healed.paths("/range/")[0], "who is behind is asked first"
        for stream in BOTH:
            wanted = truth(sandbox, stream, names, "2020-12-14", "2020-12-23")
            assert rows_of(stream, run, failed, healed) == wanted


async def test_a_failing_session_holds_the_tickers_that_it_was_asked_for() -> None:
    names = made_names(60)
    async with sandbox_at("2020-12-22", tickers=tuple(names)) as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="half", match="/2020-12-17", times=3))
        run = await sync(sandbox, names, start_date="2020-12-16", max_concurrent_requests=1)
        assert run.code == 1
        assert "Z" in run.errors(PRICES)[0]["message"]
        assert "and 50 more" in run.errors(PRICES)[0]["message"]
        assert run.cursors(PRICES) == dict.fromkeys(names, "2020-12-16")
        healed = await sync(sandbox, names, before=run, start_date="2020-12-16")
        for stream in BOTH:
            assert rows_of(stream, run, healed) == truth(sandbox, stream, names, "2020-12-16", "2020-12-21")


async def test_an_unknown_ticker_is_named_and_stays_an_error() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        run = await sync(sandbox, "AAA,NOPE,BBB", start_date="2020-12-14")
        again = await sync(sandbox, "AAA,NOPE,BBB", before=run, start_date="2020-12-14")
        for one in (run, again):
            assert one.code == 1
            [error] = one.errors(PRICES)
            assert error["message"] == "NOPE: the API does not know this ticker; upper and lower case differ."
            assert error["failure_type"] == "config_error"
            assert one.cursors(PRICES) == {"AAA": "2020-12-21", "BBB": "2020-12-21"}
        assert rows_of(PRICES, run) == truth(sandbox, PRICES, ["AAA", "BBB"], "2020-12-14", "2020-12-21")


async def test_an_unknown_ticker_is_found_among_many_read_by_session() -> None:
    names = [*made_names(60), "NOPE"]
    async with sandbox_at("2020-12-22", tickers=tuple(names[:-1])) as sandbox:
        run = await sync(sandbox, names, start_date="2020-12-21")
        assert not run.paths("/range/")
        assert run.code == 1
        assert "NOPE: the API does not know this ticker" in run.errors(BARS)[0]["message"]
        assert "NOPE" not in run.cursors(BARS)
        assert len(run.cursors(BARS)) == 60


async def test_however_many_are_unknown_none_is_taken_for_read() -> None:
    unknown = [f"NOPE{n}" for n in range(15)]
    async with sandbox_at("2020-12-22") as sandbox:
        run = await sync(sandbox, ["AAA", *unknown], start_date="2020-12-14")
        assert run.code == 1
        assert "the API does not know this ticker" in run.errors(PRICES)[0]["message"]
        assert run.cursors(PRICES) == {"AAA": "2020-12-21"}


async def test_look_ups_are_bounded_and_who_was_not_looked_up_is_named() -> None:
    names, unknown = made_names(60), [f"NOPE{n}" for n in range(15)]
    async with sandbox_at("2020-12-22", tickers=tuple(names)) as sandbox:
        run = await sync(sandbox, [*names, *unknown], start_date="2020-12-21")
        assert len(run.paths("/v3/reference/tickers/")) == 30, "ten of them, now, and twice on the first day"
        assert run.cursors(PRICES) == dict.fromkeys(names, "2020-12-21")
        [warning] = run.told("WARN")
        assert warning.count("NOPE") == 5


async def test_a_reference_that_cannot_be_read_is_no_reason_to_doubt_a_ticker() -> None:
    async with sandbox_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="array", match="/reference/tickers/", times=None))
        run = await sync(sandbox, "AAA,NOPE", start_date="2020-12-14")
        assert run.code == 0
        assert "NOPE" in run.told("WARN")[0]


async def test_a_listed_ticker_without_a_bar_is_no_error() -> None:
    async with sandbox_at("2020-12-22", universe=3000) as sandbox:
        day = date(2020, 12, 21)
        idle = name_with(
            sandbox,
            lambda one: (
                one.first < day.toordinal() < one.last and not sandbox.market.day_bar(one.ticker, day)
            ),
        )
        run = await sync(sandbox, ["AAA", idle], start_date=str(day))
        assert run.code == 0
        assert run.cursors(PRICES) == {"AAA": str(day), idle: str(day)}
        [warning] = run.told("WARN")
        assert idle in warning
