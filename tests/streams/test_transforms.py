"""The rows of forwarded streams: what becomes of a row, and which are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.rows import RowPage
from stockticker_async.streams import transforms
from stockticker_async.streams.transforms import stream_rows

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
ROWS = st.dictionaries(st.text(min_size=1), SCALARS).map(lambda row: {**row, "ticker": "A"})


@given(st.lists(ROWS))
def test_a_plain_row_keeps_every_value_and_its_ticker_by_its_new_name(raw: list[dict[str, Any]]) -> None:
    raw = [{**row, "number": str(number)} for number, row in enumerate(raw)]
    found = stream_rows(RowPage(raw), transforms.plain, asked="", primary_key=("stock_ticker", "number"))
    assert found == [
        {"stock_ticker": "A", **{k: v for k, v in row.items() if k not in ("ticker", "stock_ticker")}}
        for row in raw
    ]
    assert all(next(iter(row)) == "stock_ticker" for row in found)


@pytest.mark.parametrize(
    ("transform", "row"),
    [
        (transforms.plain, {"ticker": "A"}),
        (transforms.of_ticker, {"ticker": "A"}),
        (transforms.details, {"ticker": "A", "name": "N"}),
        (transforms.news, {"id": "n", "tickers": ["A"]}),
        (transforms.events, {"name": "N", "events": [{"date": "2020-12-21", "name": "EVIL"}]}),
        (transforms.related, {"ticker": "B", "related_ticker": "EVIL"}),
        (
            transforms.open_close,
            {"symbol": "A", "from": "2020-12-21", "date": "EVIL", "pre_market": "EVIL", "after_hours": "EVIL"}
            | dict.fromkeys(("open", "high", "low", "close", "volume"), 1),
        ),
    ],
)
@pytest.mark.parametrize("extra", ["before", "after"])
def test_no_field_of_the_apis_overrides_one_that_is_named_here(
    transform: transforms.Transform, row: dict[str, Any], extra: str
) -> None:
    evil = {"stock_ticker": "EVIL"}
    row = evil | row if extra == "before" else row | evil
    if "events" in row:
        row["events"] = [event | evil for event in row["events"]]
    (found,) = transform(row, "A")
    assert found["stock_ticker"] == "A"
    assert "EVIL" not in found.values()


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
        (transforms.news, {"tickers": "A"}, "tickers are not an array"),
        (transforms.events, {"events": "A"}, "events are not an array"),
        (transforms.events, {"events": [1]}, "a value that is not an object"),
    ],
)
def test_a_row_that_cannot_be_kept_is_refused(
    shape: transforms.Transform, row: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadPageError, match=said):
        stream_rows(RowPage([row]), shape, asked="", primary_key=("stock_ticker",))


@pytest.mark.parametrize(
    ("transform", "row", "said"),
    [
        (transforms.of_ticker, {"a": 1}, "a row without a ticker"),
        (transforms.of_ticker, {"ticker": None}, "a row without a ticker"),
        (transforms.details, {"ticker": "A"}, "details are without a name"),
        (transforms.details, {"name": "N"}, "another ticker, None"),
        (transforms.details, {"name": "N", "ticker": "a"}, "another ticker, a"),
        (transforms.news, {"tickers": [None]}, "tickers are not strings"),
        (transforms.events, {"name": 5, "events": []}, "name of a ticker with events is not a string"),
    ],
)
def test_a_row_has_to_say_whose_it_is(
    transform: transforms.Transform, row: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadPageError, match=said):
        transform(row, "A")


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("value", [-1, -0.5])
def test_a_session_has_no_figure_below_zero(name: str, value: float) -> None:
    row = {"symbol": "A", "from": "2020-12-21"} | dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
    with pytest.raises(BadPageError, match=f"a session's {name} is below 0"):
        transforms.open_close(row | {name: value}, "A")


@pytest.mark.parametrize("field", ["preMarket", "afterHours"])
def test_a_price_outside_of_the_session_may_be_missing_and_is_a_number(field: str) -> None:
    row = {"symbol": "A", "from": "2020-12-21"} | dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
    assert transforms.open_close(row | {field: None}, "A") == transforms.open_close(row, "A")
    for value in ("x", -1, True):
        with pytest.raises(BadPageError, match=r"is not a number|is below 0"):
            transforms.open_close(row | {field: value}, "A")


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("value", [None, "1", True])
def test_a_session_has_all_its_prices(name: str, value: Any) -> None:
    row = {"symbol": "A", "from": "2020-12-21"} | dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
    with pytest.raises(BadPageError, match=f"a session's {name} is not a number"):
        transforms.open_close(row | {name: value}, "A")
    with pytest.raises(BadPageError, match=f"a session's {name} is not a number"):
        transforms.open_close({field: price for field, price in row.items() if field != name}, "A")


def test_a_session_has_nothing_of_what_an_answer_says_of_itself() -> None:
    row = {"symbol": "A", "from": "2020-12-21"} | dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
    envelope = {"status": "OK", "request_id": "1", "count": 1, "next_url": "https://a/b", "results": []}
    (found,) = transforms.open_close({**envelope, **row, "otc": True}, "A")
    assert found.keys() == {
        *(
            "stock_ticker",
            "date",
            "open",
            "high",
            "low",
            "close",
            "volume",
            "otc",
            "pre_market",
            "after_hours",
        )
    }


ONE = {"id": "x", "ticker": "A", "more": [1]}


def shaped(*rows: dict[str, Any], **how: Any) -> list[dict[str, Any]]:
    return stream_rows(RowPage(list(rows)), transforms.plain, asked="", primary_key=("id",), **how)


def test_a_row_that_is_given_twice_is_one_row() -> None:
    assert shaped(ONE, {**ONE, "id": "y"}, dict(ONE)) == shaped(ONE, {**ONE, "id": "y"})


def test_two_rows_with_one_key_refuse_the_page() -> None:
    with pytest.raises(BadPageError, match="row 2 of the answer has the same key as another row"):
        shaped(ONE, ONE | {"more": [2]})
    assert len(shaped(ONE, ONE | {"more": [2]}, repeats=True)) == 2


def test_two_rows_with_one_key_that_was_made_here_are_both_kept() -> None:
    """A company may be delisted twice: the API's rows tell so, and have no id."""
    rows = ({"ticker": "A", "delisted": day} for day in ("2019", "2020", "2019"))
    assert [row["delisted"] for row in shaped(*rows, identity=("ticker",))] == ["2019", "2020", "2019"][:2]


def test_a_row_without_anything_to_be_told_by_refuses_the_page() -> None:
    with pytest.raises(BadPageError, match="row 1 of the answer has no field to identify it"):
        shaped({"other": 1}, identity=("ticker", "name"))


def test_rows_that_are_nested_too_deeply_to_be_compared_refuse_the_page() -> None:
    def nested() -> dict[str, Any]:
        found: list[Any] = []
        for _ in range(100_000):
            found = [found]
        return {**ONE, "more": found}

    with pytest.raises(BadPageError, match="nested too deeply"):
        shaped(nested(), nested())


def test_a_value_that_is_nested_too_deeply_for_an_id_refuses_the_page() -> None:
    name: list[Any] = []
    for _ in range(300):  # orjson reads 1024 levels, and writes 254
        name = [name]
    with pytest.raises(BadPageError, match="nested too deeply"):
        shaped({"ticker": "A", "name": name}, identity=("ticker", "name"))


def test_the_rows_of_a_filter_are_of_the_tickers_that_it_names() -> None:
    tickers = frozenset({"A", "B"})
    assert len(shaped(ONE, {"id": "y", "ticker": "B"}, tickers=tickers)) == 2
    for ticker in ("a", "A ", "C", None, ["A"]):
        with pytest.raises(BadPageError, match="answered for another ticker"):
            shaped(ONE, {"id": "y", "ticker": ticker}, tickers=tickers)


def test_an_article_names_the_ticker_asked_for_and_others() -> None:
    asked = frozenset({"A"})

    def articles(*tickers: Any) -> list[dict[str, Any]]:
        page = RowPage([{"id": "n", "tickers": list(tickers)}])
        key = ("stock_ticker", "id")
        return stream_rows(page, transforms.news, asked="", primary_key=key, tickers=asked)

    assert [row["stock_ticker"] for row in articles("B", "A", None)] == ["B", "A"]
    for tickers in ((), ("B",), ("a",)):
        with pytest.raises(BadPageError, match="answered for another ticker"):
            articles(*tickers)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"ticker": "", "date": "2020-12-21"}, "no stock_ticker"),
        ({"ticker": 5, "date": "2020-12-21"}, "a stock_ticker that is not a string"),
        ({"ticker": ["A"], "date": "2020-12-21"}, "a stock_ticker that is not a string"),
        ({"ticker": "A", "date": 20201221}, "a date that is not a string"),
        ({"ticker": "A", "date": ""}, "no date"),
        ({"ticker": "A", "date": "junk"}, "a date that is not a date"),
        ({"ticker": "A", "date": "20201221"}, "a date that is not a date"),
        ({"ticker": "A ", "date": "2020-12-21"}, "a stock_ticker with spaces around it"),
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
    with pytest.raises(BadPageError, match="an id that is not a string or a whole number"):
        stream_rows(RowPage([{"id": key}]), transforms.plain, asked="", primary_key=("id",))


def test_a_ticker_that_is_no_key_may_be_missing_but_is_a_text() -> None:
    rows: list[dict[str, Any]] = [{"id": "x"}, {"id": "y", "ticker": None}]
    assert len(stream_rows(RowPage(rows), transforms.plain, asked="", primary_key=("id",))) == len(rows)
    with pytest.raises(BadPageError, match="a stock_ticker that is not a string"):
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
    assert transforms.events({"name": None, "events": [{"a": 1}]}, "A") == [{"stock_ticker": "A", "a": 1}]
    assert transforms.events({"events": [{"date": "2020-12-21"}]}, "A") == [
        {"stock_ticker": "A", "date": "2020-12-21"}
    ]


def test_open_and_close_of_another_ticker_are_refused() -> None:
    with pytest.raises(BadPageError, match="another ticker, tsla"):
        transforms.open_close({"symbol": "tsla", "from": "2020-12-21"}, "TSLA")
