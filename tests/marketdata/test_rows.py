"""The answers of lists and look-ups: which are rows, and which are refused."""

from typing import Any

import orjson
import pytest

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.rows import Form, RowPage, decode_rows


def page_of(raw: Any) -> RowPage:
    return decode_rows(orjson.dumps(raw))


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        ({"status": "OK", "results": [{"a": 1}]}, [{"a": 1}]),
        ({"status": "DELAYED", "results": [{"a": 1}]}, [{"a": 1}]),
        ({"status": "OK", "results": None}, []),
        ({"status": "OK", "count": 0}, []),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
    ],
)
def test_the_forms_of_an_answer_are_understood(raw: Any, rows: list[dict[str, Any]]) -> None:
    assert page_of(raw).rows == rows


SESSION = {"status": "OK", "symbol": "A", "from": "2020-12-21", "results": []}


@pytest.mark.parametrize(
    ("form", "raw", "rows"),
    [
        ("object", {"status": "OK", "results": {"a": 1}}, [{"a": 1}]),
        ("object", {"status": "OK", "results": None}, []),
        ("object", {"status": "OK", "results": []}, []),
        ("flat", SESSION, [SESSION]),
        ("flat", {"status": "OK", "results": []}, []),
        ("flat", {"status": "OK", "results": None}, []),
        ("flat", {"status": "OK", "count": 0}, []),
    ],
)
def test_an_answer_of_one_row_is_understood_where_one_is_due(form: Form, raw: Any, rows: Any) -> None:
    assert decode_rows(orjson.dumps(raw), form).rows == rows


@pytest.mark.parametrize(
    ("form", "raw", "said"),
    [
        ("list", {"results": {"a": 1}}, "must be an array"),
        ("list", {"results": {}}, "must be an array"),
        ("list", SESSION | {"results": {}}, "must be an array"),
        ("list", {"symbol": "A"}, "without results"),
        ("list", {"results": [{"a": 1}, {}]}, "an empty object"),
        ("list", [{}], "an empty object"),
        ("object", {"results": {}}, "an empty object"),
        ("object", {"results": [{"a": 1}]}, "must be one object"),
        ("object", [{"a": 1}], "JSON of another form"),
        ("flat", {"results": {"symbol": "A"}}, "must be the answer itself"),
        ("flat", {"status": "OK", "from": "2020-12-21"}, "without results"),
        ("flat", [SESSION], "JSON of another form"),
    ],
)
def test_an_answer_of_another_form_than_is_due_is_refused(form: Form, raw: Any, said: str) -> None:
    with pytest.raises(BadPageError, match=said):
        decode_rows(orjson.dumps(raw), form)


def test_an_error_does_not_hold_the_text_that_is_no_json() -> None:
    with pytest.raises(BadPageError) as caught:
        decode_rows(b'{"results":[{"ticker":')
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_the_next_page_is_named_unless_it_is_empty() -> None:
    assert page_of({"results": [], "next_url": "https://a/b"}).next_url == "https://a/b"
    assert page_of({"results": [], "next_url": ""}).next_url is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "an HTML page"),
        (b'{"results": [', "no whole JSON"),
        (b'{"results": [{"a": NaN}]}', "no whole JSON"),
        (b'{"results": [{"a": 1e400}]}', "a number that is too large to be read"),
        (b'{"results": [{"a": ' + b"9" * 5000 + b"}]}", "a number that is too large to be read"),
        (b"[" * 100_000, "no whole JSON"),
        (b'"text"', "JSON of another form"),
        (b"{}", "an empty JSON value"),
        (b"[]", "an empty JSON value"),
        (b'{"status": "ERROR", "error": "later"}', "status ERROR: later"),
        (b'{"status": 7}', "status 7: no reason given"),
        (b'{"results": "text"}', "must be an array"),
        (b'{"results": [1]}', "a value that is not an object"),
        (b"[1]", "a value that is not an object"),
        (b'{"results": [], "next_url": 1}', "next_url is not a string"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(BadPageError, match=said):
        decode_rows(body)
