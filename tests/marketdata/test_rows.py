"""The rows of forwarded streams: what is an answer, what becomes of a row, and what is refused."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.rows import RowPage, decode_rows
from stockticker_async.streams import transforms
from stockticker_async.streams.transforms import stream_rows

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
ROWS = st.dictionaries(st.text(min_size=1), SCALARS).map(lambda row: {**row, "ticker": "A"})


def page_of(raw: Any) -> RowPage:
    return decode_rows(orjson.dumps(raw))


# answers


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        ({"status": "OK", "results": [{"a": 1}]}, [{"a": 1}]),
        ({"status": "DELAYED", "results": {"a": 1}}, [{"a": 1}]),
        ({"status": "OK", "results": None}, []),
        ({"status": "OK", "count": 0}, []),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
        (
            {"status": "OK", "symbol": "A", "from": "2020-12-21"},
            [{"status": "OK", "symbol": "A", "from": "2020-12-21"}],
        ),
    ],
)
def test_the_forms_of_an_answer_are_understood(raw: Any, rows: list[dict[str, Any]]) -> None:
    assert page_of(raw).rows == rows


def test_the_next_page_is_named_unless_it_is_empty() -> None:
    assert page_of({"results": [], "next_url": "https://a/b"}).next_url == "https://a/b"
    assert page_of({"results": [], "next_url": ""}).next_url is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "an HTML page"),
        (b'{"results": [', "no whole JSON"),
        (b'{"results": [{"a": NaN}]}', "no whole JSON"),
        (b"[" * 100_000, "no whole JSON"),
        (b'"text"', "neither an object nor an array"),
        (b"{}", "JSON in which there is nothing"),
        (b"[]", "JSON in which there is nothing"),
        (b'{"status": "ERROR", "error": "later"}', "status ERROR: later"),
        (b'{"status": 7}', "status 7: no reason given"),
        (b'{"results": "text"}', "neither an array nor an object"),
        (b'{"results": [1]}', "hold what is no object"),
        (b"[1]", "hold what is no object"),
        (b'{"results": [], "next_url": 1}', "next_url is no text"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(BadPageError, match=said):
        decode_rows(body)


# rows


@given(st.lists(ROWS))
def test_a_plain_row_keeps_every_value_and_its_ticker_by_its_new_name(raw: list[dict[str, Any]]) -> None:
    found = stream_rows(RowPage(raw), transforms.plain, asked="", primary_key=("stock_ticker",))
    assert [
        {**{k: v for k, v in row.items() if k != "stock_ticker"}, "ticker": row["stock_ticker"]}
        for row in found
    ] == [{**{k: v for k, v in row.items() if k != "stock_ticker"}, "ticker": "A"} for row in raw]
    assert all(next(iter(row)) == "stock_ticker" for row in found)


@given(st.permutations(["ticker", "day", "from", "to", "other"]))
def test_a_made_id_depends_on_the_rows_values_and_on_nothing_else(order: list[str]) -> None:
    values = {"ticker": "A", "day": "2020-08-31", "from": 1, "to": 5.0, "other": 1}

    def made(row: dict[str, Any]) -> str:
        (found,) = stream_rows(
            RowPage([row]),
            transforms.plain,
            asked="",
            primary_key=("id",),
            identity=("ticker", "day", "from", "to"),
        )
        return str(found["id"])

    assert made({name: values[name] for name in order}) == made(values)
    assert made({**values, "other": 2}) == made(values)
    assert made({**values, "to": 4.0}) != made(values)
    assert made({**values, "id": "E1"}) == "E1"
    assert made({**values, "id": None}) == made(values)


@pytest.mark.parametrize(
    ("shape", "row", "said"),
    [
        (transforms.plain, {"ticker": None}, "row 1 of the answer has no stock_ticker"),
        (transforms.plain, {}, "row 1 of the answer has no stock_ticker"),
        (transforms.news, {"tickers": "A"}, "tickers are no array"),
        (transforms.events, {"events": "A"}, "events are no array"),
        (transforms.events, {"events": [1]}, "hold what is no object"),
    ],
)
def test_a_row_that_cannot_be_kept_is_refused(
    shape: transforms.Transform, row: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadPageError, match=said):
        stream_rows(RowPage([row]), shape, asked="", primary_key=("stock_ticker",))


def test_a_row_without_a_ticker_is_of_the_ticker_asked_for() -> None:
    (found,) = stream_rows(RowPage([{"a": 1}]), transforms.plain, asked="A", primary_key=("stock_ticker",))
    assert found == {"stock_ticker": "A", "a": 1}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"ticker": "", "date": "2020-12-21"}, "no stock_ticker"),
        ({"ticker": 5, "date": "2020-12-21"}, "a stock_ticker that is no text"),
        ({"ticker": ["A"], "date": "2020-12-21"}, "a stock_ticker that is no text"),
        ({"ticker": "A", "date": 20201221}, "a date that is no text"),
        ({"ticker": "A", "date": ""}, "no date"),
    ],
)
def test_what_is_no_key_refuses_the_page(row: dict[str, Any], said: str) -> None:
    page = RowPage([{"ticker": "A", "date": "2020-12-21"}, row])
    with pytest.raises(BadPageError, match=f"row 2 of the answer has {said}"):
        stream_rows(page, transforms.plain, asked="", primary_key=("stock_ticker", "date"))


@pytest.mark.parametrize("key", [True, 1.5, [1]])
def test_an_id_is_a_text_or_a_whole_number(key: Any) -> None:
    (found,) = stream_rows(RowPage([{"id": 10}]), transforms.plain, asked="", primary_key=("id",))
    assert found == {"id": 10}
    with pytest.raises(BadPageError, match="an id that is no text"):
        stream_rows(RowPage([{"id": key}]), transforms.plain, asked="", primary_key=("id",))


def test_a_ticker_that_is_no_key_may_be_missing_but_is_a_text() -> None:
    rows: list[dict[str, Any]] = [{"id": "x"}, {"id": "y", "ticker": None}]
    assert len(stream_rows(RowPage(rows), transforms.plain, asked="", primary_key=("id",))) == len(rows)
    with pytest.raises(BadPageError, match="a stock_ticker that is no text"):
        stream_rows(
            RowPage([{"id": "x", "ticker": {"a": 1}}]), transforms.plain, asked="", primary_key=("id",)
        )


def test_an_article_is_told_once_for_each_of_its_tickers() -> None:
    found = transforms.news({"id": "n", "tickers": ["A", "B", "A", None]}, "")
    assert [row["stock_ticker"] for row in found] == ["A", "B"]
    assert transforms.news({"id": "n", "tickers": []}, "") == []


def test_a_company_may_have_no_events_and_no_name() -> None:
    assert transforms.events({"events": None}, "A") == []
    assert transforms.events({"name": "N"}, "A") == []
    assert transforms.events({"events": [{"date": "2020-12-21"}]}, "A") == [
        {"stock_ticker": "A", "date": "2020-12-21"}
    ]


def test_open_and_close_of_another_ticker_are_refused() -> None:
    with pytest.raises(BadPageError, match="another ticker, tsla"):
        transforms.open_close({"symbol": "tsla", "from": "2020-12-21"}, "TSLA")
