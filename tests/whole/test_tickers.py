"""Tickers of every shape and days at every edge: asked for as they are written, or refused in plain words."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from program import KEY, Finished, run_here, write_json
from support import BOTH, PRICES, at, made_names, rows_of, sync, truth

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.server import serve

ODD = [
    "BRK.B",
    "BRK/B",
    "A..B",
    "X%41",
    "%2e%2e",
    "a&b",
    "A;B",
    "A+B",
    "A'B",
    'A"B',
    "tsla",
    "ÄÖ",
    "日本",
    "🚀",
]
ODD += ["../x", "..%2fx", "A\\B", "A:B", "A|B", "-A", "A{}", "@A", "~A", "A^B", "$A"]


@pytest.mark.parametrize(("first", "path"), [("2024-01-02", "/range/"), ("2024-05-28", "/grouped/")])
@pytest.mark.fault("unusual ticker")
async def test_a_ticker_is_asked_for_as_it_is_written(first: str, path: str) -> None:
    last = "2024-05-31"
    async with serve(Options(tickers=tuple(ODD), universe=100, now=at("2024-06-03"))) as sandbox:
        run = await sync(sandbox, ODD, start_date=first, end_date=last)
        assert run.code == 0
        assert len(run.paths(path)) == (len(ODD) if path == "/range/" else 4)
        for stream in BOTH:
            assert rows_of(stream, run) == truth(sandbox, stream, ODD, first, last)
        assert {name for name, _ in rows_of(PRICES, run)} == set(ODD)
        # the state names each of them so that it is found again: nothing is read twice
        again = await sync(sandbox, ODD, before=run, start_date=first, end_date=last, lookback_days=0)
        assert again.records(PRICES) == []


@pytest.mark.fault("unknown unusual ticker")
async def test_an_odd_ticker_that_nobody_knows_is_named_and_stays_behind() -> None:
    unknown = ["../../v3/x", "NO%20NE", "nön"]
    async with serve(Options(tickers=("TSLA",), universe=100, now=at("2024-06-03"))) as sandbox:
        run = await sync(sandbox, ["TSLA", *unknown], start_date="2024-05-28", end_date="2024-05-31")
        assert run.code == 1
        assert rows_of(PRICES, run) == truth(sandbox, PRICES, ["TSLA"], "2024-05-28", "2024-05-31")
        [error] = run.errors(PRICES)
        assert error["failure_type"] == "config_error"
        assert all(name in error["message"] for name in unknown)


@pytest.mark.fault("repeated tickers")
async def test_repeated_tickers_and_spaces_around_them_are_forgiven() -> None:
    async with serve(Options(tickers=("TSLA", "F"), universe=100, now=at("2024-06-03"))) as sandbox:
        run = await sync(sandbox, " TSLA ,, F,TSLA , F,", start_date="2024-05-28", end_date="2024-05-31")
        found = run.records(PRICES)
        assert len(found) == len(rows_of(PRICES, run)) == 8


@pytest.mark.fault("10,000 tickers")
async def test_ten_thousand_tickers_are_a_handful_of_calls() -> None:
    names = [name + letter for name in made_names(1000) for letter in "KLMNPQRSTU"]
    async with serve(Options(tickers=tuple(names), universe=100, now=at("2024-06-03"))) as sandbox:
        run = await sync(sandbox, names, streams=[PRICES], start_date="2024-05-30", end_date="2024-05-31")
        assert run.code == 0
        assert len(run.calls) < 20
        assert len(rows_of(PRICES, run)) == 2 * 10_000
        [last] = run.states(PRICES)[-1:]
        assert len(repr(last)) < 128 * 1024


def planned(folder: Path, **options: Any) -> Finished:
    """What `read --plan` says at noon of Monday, 3 June 2024, in New York."""
    raw = {"stock_ticker": "TSLA", "api_key": KEY, **options}
    files = ["--config", write_json(folder / "config.json", raw)]
    files += ["--catalog", write_json(folder / "catalog.json", catalog.configured(incremental=True))]
    return run_here("read", "--plan", *files, clock=Clock(start=datetime(2024, 6, 3, 16, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("ticker", "told"),
    [
        ("A B", "cannot be a ticker"),
        ("A\tB", "cannot be a ticker"),
        ("A\u00a0B", "cannot be a ticker"),
        ("A\u202eB", "cannot be a ticker"),
        ("A\0B", "cannot be a ticker"),
        (".", "cannot be a ticker"),
        ("..", "cannot be a ticker"),
        ("A?apiKey=x", "cannot be a ticker"),
        ("A#B", "cannot be a ticker"),
        ("A=B", "cannot be a ticker"),
        ("T*", "cannot be a ticker"),
        ("A,*", 'has "*" beside names'),
        ("X" * 25, "a name of 25 characters"),
        (" , ,", "is empty"),
        ("", "is empty"),
    ],
)
@pytest.mark.fault("impossible ticker")
def test_what_cannot_be_a_ticker_is_refused(ticker: str, told: str, tmp_path: Path) -> None:
    done = planned(tmp_path, stock_ticker=ticker)
    assert done.returncode == 1
    assert [told in error["message"] for error in done.errors] == [True], done.errors


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("1969-12-31", "start_date 1969-12-31 is before 1970-01-01"),
        ("0001-01-01", "start_date 0001-01-01 is before 1970-01-01"),
        ("2024-06-04", "start_date 2024-06-04 is in the future"),
        ("9999-12-31", "start_date 9999-12-31 is in the future"),
        ("2023-02-29", "start_date '2023-02-29' is not a date"),
        ("2024-02-30", "start_date '2024-02-30' is not a date"),
        ("1900-02-29", "start_date '1900-02-29' is not a date"),
        ("2024-13-01", "start_date '2024-13-01' is not a date"),
        ("10000-01-01", "start_date '10000-01-01' is not a date"),
        ("2024-1-2", "start_date '2024-1-2' is not a date"),
        ("2024-05-01T00:00:00Z", "start_date '2024-05-01T00:00:00Z' is not a date"),
        ("2024-05-0\N{ARABIC-INDIC DIGIT ONE}", "is not a date"),
    ],
)
@pytest.mark.fault("impossible start date")
def test_what_is_no_day_to_begin_with_is_refused(day: str, told: str, tmp_path: Path) -> None:
    done = planned(tmp_path, start_date=day)
    assert done.returncode == 1
    assert [told in error["message"] for error in done.errors] == [True], done.errors


@pytest.mark.parametrize("day", ["1970-01-01", "2000-02-29", "2024-02-29", "2024-06-03"])
@pytest.mark.fault("unusual start date")
def test_the_days_at_the_edges_can_be_begun_with(day: str, tmp_path: Path) -> None:
    assert planned(tmp_path, start_date=day).returncode == 0
    assert planned(tmp_path, start_date=day, end_date=day).returncode == 0
    assert planned(tmp_path, start_date=day, end_date="9999-12-31").returncode == 0


@pytest.mark.fault("unusual start date")
async def test_the_leap_day_is_a_session_like_others() -> None:
    async with serve(Options(tickers=("TSLA",), universe=100, now=at("2024-06-03"))) as sandbox:
        run = await sync(sandbox, "TSLA", start_date="2024-02-29", end_date="2024-02-29")
        assert list(rows_of(PRICES, run)) == [("TSLA", "2024-02-29")]
        assert run.cursors(PRICES) == {"TSLA": "2024-02-29"}
