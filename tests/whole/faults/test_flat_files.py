"""Faults of the bucket and of its files: the data set is whole in the end, or an error says what is wrong."""

import json
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from flat_files import bucket_at, file_calls, keys, minutes, prices, read_minutes, read_prices, sessions_read
from support import BARS, PRICES, Run, advance_days, at, rows_of

from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sync.readers import otc_marks

DAY, BEFORE = "2020-12-21", "2020-12-18"
FILE = f"aggs_v1.*{DAY}"


async def one_day(sandbox: Sandbox, **options: Any) -> Run:
    """The minutes of two tickers, from a file, because the calls are rationed."""
    chosen: dict[str, Any] = {"start_date": DAY, "end_date": DAY, "requests_per_minute": 100, **options}
    return await read_minutes(sandbox, "AAA,BBB", **chosen)


def spoil(sandbox: Sandbox, change: str, match: str = FILE) -> None:
    sandbox.faults.add(Fault(kind="file", change=change, match=match))  # type: ignore[arg-type]


def error(run: Run, stream: str = PRICES) -> str:
    (found,) = run.errors(stream)
    assert run.code == 1
    return f"[{found['failure_type']}] {found['message']}"


UNUSABLE = {
    "repeated_row": "2 rows of one session",
    "no_price": "a row is not usable",
    "no_number": "a row is not usable",
    "negative_price": "a row is not usable",
    "inverted_range": "a low above its high",
    "short_row": "a row is not usable",
    "missing_column": "the file has no column close",
    "no_header": "the file has no column",
    "quoted": "a row has a ticker that is none",
    "no_rows": "the file has no rows",
    "no_bytes": "cut off",
    "truncated": "cut off",
    "wrong_crc": "damaged",
    "broken": "damaged",
    "no_gzip": "damaged",
}


@pytest.mark.fault("unusable flat file", "damaged flat file")
@pytest.mark.parametrize("change", UNUSABLE)
async def test_an_unusable_file_gives_no_row_and_holds_the_cursor(change: str) -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, change)
        run = await read_prices(sandbox)
        assert f"[transient_error] the whole market: the flat file of {DAY} is not usable" in error(run)
        assert UNUSABLE[change] in error(run)
        assert (run.records(PRICES), run.cursors(PRICES), len(file_calls(run))) == ([], {}, 3)
        sandbox.faults.clear()
        healed = await read_prices(sandbox, before=run)
        assert rows_of(PRICES, healed) == prices(sandbox, DAY, DAY)
        assert healed.cursors(PRICES) == {"*": DAY}


@pytest.mark.fault("unusable flat file")
async def test_minutes_out_of_order_are_unusable() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, "unordered")
        run = await read_minutes(sandbox, start_date=DAY, end_date=DAY)
        assert "stands out of order" in error(run, BARS)
        assert run.records(BARS) == []


@pytest.mark.fault("unusable flat file")
async def test_a_ticker_in_quotes_is_not_taken_for_one_that_is_not_wanted() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, "quoted")
        run = await one_day(sandbox)
        assert "a row has a ticker that is none" in error(run, BARS)
        assert (run.records(BARS), run.cursors(BARS)) == ([], {})


@pytest.mark.fault("flat file without a named ticker")
async def test_a_named_ticker_that_a_file_lacks_is_told() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        names = ("AAA", "AAPL", "BBB", "TSLA")
        how: dict[str, Any] = {"requests_per_minute": 100}
        spoil(sandbox, "fewer_tickers")
        run = await read_minutes(sandbox, names, start_date=BEFORE, **how)
        given = {name for name, moment in rows_of(BARS, run) if moment.startswith(DAY)}
        assert 0 < len(given) < len(names)
        (told,) = [text for text in run.told("WARN") if "have no rows of some tickers" in text]
        assert f"in some sessions: {len(names) - len(given)}, of " in told
        assert all((name in told) is (name not in given) for name in names)
        sandbox.faults.clear()
        # known from the state, though no file of this sync has it
        advance_days(sandbox)
        spoil(sandbox, "fewer_tickers", "aggs_v1.*2020-12-22")
        later = await read_minutes(sandbox, names, before=run, start_date=BEFORE, lookback_days=0, **how)
        assert [text for text in later.told("WARN") if "have no rows of some tickers" in text]


@pytest.mark.fault("flat file of another form")
@pytest.mark.parametrize("change", ["columns_moved", "extra_column"])
async def test_another_form_of_the_same_rows_is_read(change: str) -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, change)
        run = await read_prices(sandbox)
        assert (run.code, rows_of(PRICES, run)) == (0, prices(sandbox, DAY, DAY))


@pytest.mark.fault("flat file of another form")
async def test_rows_of_a_ticker_may_stand_apart() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, "scattered_ticker")
        run = await one_day(sandbox)
        assert (run.code, rows_of(BARS, run)) == (0, minutes(sandbox, DAY, DAY, ["AAA", "BBB"]))


@pytest.mark.fault("odd tickers and volumes of a flat file")
async def test_odd_tickers_are_texts_and_volumes_may_be_fractions() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, "odd_tickers")
        spoil(sandbox, "fractional_volume")
        run = await read_prices(sandbox)
        assert {"NA", "NULL", "NAN"} <= {name for name, _ in rows_of(PRICES, run)}


@pytest.mark.fault("row of another day in a flat file")
@pytest.mark.parametrize("change", ["other_day", "before_the_epoch"])
async def test_rows_of_another_day_are_left_out_and_told(change: str) -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, change)
        run = await read_prices(sandbox)
        wanted = prices(sandbox, DAY, DAY)
        assert run.code == 0
        assert rows_of(PRICES, run).items() <= wanted.items()
        assert len(wanted) - len(run.records(PRICES)) <= 1
        assert any(
            f"of other days or hours were left out of the flat files of {DAY}" in text
            for text in run.told("WARN")
        )


@pytest.mark.fault("flat file with few rows")
async def test_a_file_of_less_than_half_a_market_is_told() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        for _ in range(2):  # half of the half
            spoil(sandbox, "fewer_tickers")
        run = await read_prices(sandbox, start_date=BEFORE)
        assert run.cursors(PRICES) == {"*": DAY}
        assert any(f"the flat file of {DAY} has less than half" in text for text in run.told("WARN"))


@pytest.mark.fault("flat file with few rows")
async def test_a_night_with_a_small_file_is_compared_with_the_night_before() -> None:
    async with bucket_at("2020-12-19") as sandbox:
        first = await read_prices(sandbox, start_date=BEFORE, end_date=None)
        sandbox.clock.set(at("2020-12-22", 12))
        good = await read_prices(sandbox, before=first, start_date=BEFORE, end_date=None, lookback_days=0)
        assert (sessions_read(good), good.told("WARN")) == ([DAY], [])
        for _ in range(2):  # half of the half
            spoil(sandbox, "fewer_tickers")
        few = await read_prices(sandbox, before=first, start_date=BEFORE, end_date=None, lookback_days=0)
        assert few.cursors(PRICES) == {"*": DAY}
        assert any(f"the flat file of {DAY} has less than half" in text for text in few.told("WARN"))


@pytest.mark.fault("flat file not published yet")
async def test_the_latest_session_without_a_file_waits_without_an_error() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="file", change="late", match=FILE))
        run = await one_day(sandbox, start_date=BEFORE, end_date=None)
        assert (run.code, run.cursors(BARS)) == (0, {"AAA": BEFORE, "BBB": BEFORE})
        assert any(f"{DAY} is not published yet" in text for text in run.told("INFO"))
        advance_days(sandbox)
        # one at a time: of two connections either may be served first
        later = await one_day(
            sandbox, before=run, start_date=BEFORE, end_date=None, max_concurrent_requests=1
        )
        assert sessions_read(later) == [DAY, "2020-12-22"]


@pytest.mark.fault("bucket without files")
@pytest.mark.parametrize("body", [b"<html><body>Sign in</body></html>", b"busy"], ids=["HTML", "text"])
async def test_a_list_of_another_server_is_an_error(body: bytes) -> None:
    async with bucket_at("2020-12-22") as sandbox:
        page = Fault(
            kind="status", match="^/flatfiles", status=200, body=body, content_type="text/html", times=None
        )
        sandbox.faults.add(page)
        run = await read_minutes(sandbox, start_date="2020-12-14")
        assert re.match(
            r"\[transient_error\] .*the bucket(.s list of files cannot be read| has no flat file of)",
            error(run, BARS),
        )
        sandbox.faults.clear()
        healed = await read_minutes(sandbox, before=run, start_date="2020-12-14")
        assert rows_of(BARS, healed) == minutes(sandbox, "2020-12-14", DAY)


@pytest.mark.fault("bucket without files")
async def test_a_file_that_was_read_is_not_called_unpublished() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        first = await read_minutes(sandbox, start_date=DAY)
        advance_days(sandbox)
        spoil(sandbox, "missing", "minute")
        run = await read_minutes(sandbox, before=first, start_date=DAY)
        assert f"the bucket has no flat file of {DAY}, 2020-12-22" in error(run, BARS)
        sandbox.faults.clear()
        healed = await read_minutes(sandbox, before=run, start_date=DAY)
        assert rows_of(BARS, first, healed) == minutes(sandbox, DAY, "2020-12-22")


@pytest.mark.fault("flat file not published yet")
async def test_several_sessions_without_a_file_wait_with_a_warning() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, "missing", f"minute.*({BEFORE}|{DAY})")
        run = await read_minutes(sandbox, start_date="2020-12-17")
        assert run.code == 0
        text = f"The flat file of {BEFORE}, {DAY} is not published yet: the next sync reads it."
        assert text in run.told("WARN")
        assert run.cursors(BARS) == {"*": "2020-12-17"}


@pytest.mark.fault("missing flat file")
async def test_a_hole_is_passed_remembered_and_read_when_it_is_filled() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="file", change="missing", match=f"minute.*{BEFORE}"))
        days: dict[str, Any] = {"start_date": "2020-12-17", "end_date": None}
        run = await one_day(sandbox, **days)
        assert (run.code, sessions_read(run)) == (0, ["2020-12-17", DAY])
        assert run.cursors(BARS) == {"AAA": DAY, "BBB": DAY}
        assert any(f"no flat file of {BEFORE} is published" in text for text in run.told("WARN"))
        assert run.states(BARS)[-1]["files"]["missing"] == [BEFORE]
        again = await one_day(sandbox, before=run, **days)
        assert (again.code, sessions_read(again), again.told("WARN")) == (0, [], [])
        sandbox.faults.clear()
        filled = await one_day(sandbox, before=again, **days)
        assert sessions_read(filled) == [BEFORE]
        assert filled.states(BARS)[-1]["files"]["missing"] == []
        assert rows_of(BARS, run, filled) == minutes(sandbox, "2020-12-17", DAY, ["AAA", "BBB"])


@pytest.mark.fault("missing flat file")
async def test_a_hole_is_filled_though_the_end_date_is_reached() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        spoil(sandbox, "missing", f"minute.*{BEFORE}")
        run = await one_day(sandbox, start_date="2020-12-17")
        assert (run.code, run.cursors(BARS)) == (0, {"AAA": DAY, "BBB": DAY})
        sandbox.faults.clear()
        filled = await one_day(sandbox, before=run, start_date="2020-12-17")
        assert sessions_read(filled) == [BEFORE]
        assert rows_of(BARS, run, filled) == minutes(sandbox, "2020-12-17", DAY, ["AAA", "BBB"])


@pytest.mark.fault("flat file missing for good")
async def test_a_hole_is_given_up_after_thirty_days() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="file", change="missing", match=f"minute.*{BEFORE}"))
        rationed: dict[str, Any] = {"requests_per_minute": 100, "start_date": BEFORE}
        run = await read_minutes(sandbox, "AAA,BBB", **rationed)
        assert run.states(BARS)[-1]["files"]["missing"] == [BEFORE]
        advance_days(sandbox, 30)
        later = await read_minutes(sandbox, "AAA,BBB", before=run, **rationed)
        assert any(f"{BEFORE} is still missing after 30 days" in text for text in later.told("WARN"))
        assert later.states(BARS)[-1]["files"]["missing"] == []
        anew = await read_minutes(sandbox, "AAA,BBB", **rationed)
        assert any(f"no flat file of {BEFORE} exists" in text for text in anew.told("WARN"))


@pytest.mark.fault("flat file replaced while it is read")
async def test_a_file_that_changes_in_the_middle_is_read_from_its_beginning() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="cut", match=DAY, times=1, part=100_000))
        sandbox.faults.add(Fault(kind="s3_error", code="PreconditionFailed", match=DAY, times=1))
        run = await one_day(sandbox, lookback_days=0)
        assert rows_of(BARS, run) == minutes(sandbox, DAY, DAY, ["AAA", "BBB"])
        assert any("was replaced while it was read" in text for text in run.told("INFO"))


@pytest.mark.fault("cut transfer of a flat file")
async def test_a_cut_transfer_goes_on_where_it_ended() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="cut", match=DAY, times=2, part=100_000))
        run = await one_day(sandbox, speed=100)
        assert rows_of(BARS, run) == minutes(sandbox, DAY, DAY, ["AAA", "BBB"])
        asked = [call.conditions for call in file_calls(run)]
        assert "range" not in asked[0]
        assert all(one["range"].startswith("bytes=") and one["if-match"] for one in asked[1:])
        assert len(asked) == 3


@pytest.mark.fault("SlowDown of the bucket", "failure of the bucket")
@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"])
@pytest.mark.parametrize("where", [DAY, "flatfiles/?$"])
async def test_a_passing_fault_is_waited_out(code: str, where: str) -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="s3_error", code=code, match=where, times=3))
        run = await read_prices(sandbox, speed=1000)
        assert (run.code, run.cursors(PRICES)) == (0, {"*": DAY})


@pytest.mark.fault("outage of the bucket")
async def test_an_outage_ends_the_stream_after_the_patience() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="s3_error", code="InternalError", match="flatfiles", times=9999))
        run = await read_prices(sandbox, speed=20_000)
        assert "[transient_error] " in error(run)
        assert "gave no usable answer for 900 s: the bucket answered 500 InternalError" in error(run)


KEYS: dict[str, tuple[dict[str, str], str]] = {
    "InvalidAccessKeyId": ({"access_key_id": "another"}, "does not know the access key id"),
    "SignatureDoesNotMatch": ({"secret_access_key": "another"}, "does not belong to its access key id"),
    "NoSuchBucket": ({"bucket": "another"}, "names no bucket"),
}


@pytest.mark.fault("wrong keys of flat_files")
@pytest.mark.parametrize("code", KEYS)
async def test_wrong_keys_are_told_at_once(code: str) -> None:
    fields, said = KEYS[code]
    async with bucket_at("2020-12-22") as sandbox:
        run = await read_prices(sandbox, files=keys(sandbox, **fields))
        assert error(run).startswith("[config_error] ")
        assert said in error(run)


@pytest.mark.fault("clock beyond what signatures bear")
async def test_a_skewed_clock_is_told_at_once() -> None:
    async with bucket_at("2020-12-22", skew=3600.0) as sandbox:
        run = await read_prices(sandbox)
        assert "[config_error] The bucket of flat files refuses the clock of this machine" in error(run)


@pytest.mark.fault("flat files that the plan lacks")
async def test_a_plan_without_flat_files_is_told() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="s3_error", code="AccessDenied", match=r"csv\.gz", times=99))
        run = await read_prices(sandbox)
        assert "[config_error] the whole market: the plan does not include the flat files" in error(run)
        assert run.cursors(PRICES) == {}


@pytest.mark.fault("flat files before the plan's history")
async def test_days_before_the_history_are_passed_with_a_warning() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        old = r"2020-12-(0[1-9]|1[0-7])\.csv"
        sandbox.faults.add(Fault(kind="s3_error", code="AccessDenied", match=old, times=99))
        run = await read_prices(sandbox, start_date="2020-12-07")
        assert run.code == 0
        assert any("history of flat files begins on 2020-12-18" in text for text in run.told("WARN"))
        assert rows_of(PRICES, run) == prices(sandbox, "2020-12-18", DAY)
        assert run.cursors(PRICES) == {"*": DAY}


@pytest.mark.fault("flat files before the plan's history")
async def test_a_single_refusal_is_no_history() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="s3_error", code="AccessDenied", match=r"2020-12-07\.csv"))
        run = await read_prices(sandbox, start_date="2020-12-07")
        assert (run.code, run.told("WARN")) == (0, [])
        assert rows_of(PRICES, run) == prices(sandbox, "2020-12-07", DAY)


def all_otc(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "otc": True} for row in rows]


def none_otc(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "otc"} for row in rows]


def half(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows[::2]


async def grouped(sandbox: Sandbox, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> bytes:
    """The API's answer for the session with its OTC stocks, with other rows."""
    path = "/v2/aggs/grouped/locale/us/market/stocks/2022-01-03?adjusted=false&include_otc=true"
    head = {"Authorization": f"Bearer {sandbox.options.key}"}
    async with aiohttp.ClientSession() as session, session.get(sandbox.url + path, headers=head) as response:
        answer = await response.json()
    rows = change(answer["results"])
    return json.dumps({**answer, "results": rows, "resultsCount": len(rows), "count": len(rows)}).encode()


@pytest.mark.fault("doubtful OTC marks")
@pytest.mark.parametrize("change", [all_otc, none_otc, half])
@pytest.mark.parametrize("times", [1, 2])
async def test_otc_marks_that_cannot_be_right_are_asked_for_twice(
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    times: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otc_marks, "_MARKET", 100)
    async with bucket_at("2022-01-04", universe=120, seed=5) as sandbox:
        body = await grouped(sandbox, change)
        sandbox.faults.add(Fault(kind="body", body=body, match="/grouped/", times=times))
        run = await read_minutes(sandbox, start_date="2022-01-03", end_date="2022-01-03")
        assert len(run.paths("/grouped/")) == 2
        if times == 1:
            assert run.code == 0
            assert not any("asked twice" in text for text in run.told("WARN"))
            assert {row["stock_ticker"] for row in run.records(BARS)} == {
                key[0] for key in minutes(sandbox, "2022-01-03", "2022-01-03")
            }
        elif change is all_otc:
            assert "marks all stocks of 2022-01-03 as OTC stocks" in error(run, BARS)
            assert run.cursors(BARS) == {}
        else:
            assert any("does not say which stocks of 2022-01-03" in text for text in run.told("WARN"))
            assert run.records(BARS)


@pytest.mark.fault("OTC stocks that cannot be told")
async def test_a_session_whose_otc_stocks_are_unknown_is_not_written() -> None:
    async with bucket_at("2022-01-04") as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="empty", match="/grouped/", times=9))
        run = await read_minutes(sandbox, start_date="2022-01-03", end_date="2022-01-03")
        assert "the API has no bars for 2022-01-03, which has a flat file" in error(run, BARS)
        assert run.records(BARS) == []
