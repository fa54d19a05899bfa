"""The demo: the whole main job, told to a person and to a machine at once."""

import subprocess

import pytest
from program import PROGRAM, run_here

TUTORIAL = [633.25, 622.77, 655.9, 695, 649.86]


def test_the_demo_begins_with_the_tutorial_s_five_closes_and_goes_on_a_day_later() -> None:
    done = run_here("demo")
    assert done.returncode == 0
    assert done.errors == []
    kinds = list(dict.fromkeys(message["type"] for message in done.messages if message["type"] != "LOG"))
    assert kinds[:3] == ["SPEC", "CONNECTION_STATUS", "CATALOG"]
    closes = [
        record["price"] for record in done.records if record["stock_ticker"] == "TSLA" and "price" in record
    ]
    assert closes[:5] == TUTORIAL
    assert {record["stock_ticker"] for record in done.records} == {"TSLA", "AAPL"}
    assert done.statuses.count(("stock_bars", "COMPLETE")) == 2
    # the second read repeats a day and adds one
    dates = [
        record["date"] for record in done.records if record["stock_ticker"] == "TSLA" and "price" in record
    ]
    assert dates[-2:] == ["2020-12-22", "2020-12-23"]


def test_a_person_is_told_what_happens() -> None:
    told = run_here("demo", "F").stderr.decode()
    assert told.count("\n# ") == 7
    for word in ("spec:", "check: is F there", "discover:", "read:", "A day passes", "That is all"):
        assert word in told


@pytest.mark.parametrize("tickers", [("NVDA,F",), ("NVDA", "F"), ("NVDA,", ",F,,")])
def test_tickers_may_be_parted_by_spaces_or_commas(tickers: tuple[str, ...]) -> None:
    done = run_here("demo", *tickers)
    assert done.returncode == 0
    assert {record["stock_ticker"] for record in done.records} == {"NVDA", "F"}


def test_what_cannot_be_a_ticker_is_one_clear_error() -> None:
    done = run_here("demo", "A B")
    assert done.returncode == 1
    assert "cannot be a ticker" in done.errors[0]["message"]
    assert [one["connectionStatus"]["status"] for one in done.of("CONNECTION_STATUS")] == ["FAILED"]


def test_messages_come_in_the_order_of_what_is_told() -> None:
    # both on one channel, as at a terminal
    done = subprocess.run(
        [*PROGRAM, "demo", "F"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=60
    )
    lines = done.stdout.splitlines()
    places = [
        lines.index(line) for line in lines if line.startswith((b"# spec", b'{"type":"SPEC"', b"# check"))
    ]
    told = [lines[place][:6] for place in places]
    assert told == [b"# spec", b'{"type', b"# chec"]
