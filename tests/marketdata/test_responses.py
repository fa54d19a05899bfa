"""What each answer of the API means."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from stockticker_async.errors import ConfigError, ConnectorError
from stockticker_async.marketdata.responses import (
    RETRY_AFTER_CAP,
    Again,
    Body,
    Later,
    Missing,
    Refusal,
    RefusalReason,
    Verdict,
    Wrong,
    error_text,
    judge,
    retry_after,
)

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
NOT_ENTITLED = "You are not entitled to this data. Please upgrade your plan at https://example.com/pricing"
TIMEFRAME = "Your plan doesn't include this data timeframe. Please upgrade your plan at https://example.com"
TOO_EARLY = "Attempted to request today's data before end of day. Please upgrade your plan"


def judged(
    status: int, body: bytes | Mapping[str, Any] = b"", headers: Mapping[str, str] | None = None
) -> Verdict:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(status, CIMultiDict(headers or {}), data, now=NOW)


def said(verdict: Verdict) -> tuple[type[ConnectorError], str]:
    assert isinstance(verdict, Wrong)
    return type(verdict.error), verdict.error.message


@pytest.mark.parametrize("body", [b"", b'{"status":"OK"}', HTML, b"\xff"])
def test_what_a_200_holds_is_for_the_decoder(body: bytes) -> None:
    assert judged(200, body) == Body()


@pytest.mark.parametrize(
    "body",
    [
        {"status": "ERROR", "error": "You've exceeded the maximum requests per minute, please wait"},
        b"",
        HTML,
    ],
)
def test_a_429_asks_again_whatever_it_says(body: bytes | Mapping[str, Any]) -> None:
    assert judged(429, body) == Later(None)
    assert judged(429, body, {"retry-after": "7"}) == Later(7.0)


@pytest.mark.parametrize("status", [101, 204, 206, 408, 421, 425, 500, 502, 503, 504, 520, 599, 999])
@pytest.mark.parametrize("body", [b"", HTML, {"status": "ERROR", "error": "internal"}])
def test_an_outage_may_pass(status: int, body: bytes | Mapping[str, Any]) -> None:
    assert judged(status, body) == Again(f"the API answered {status}")


@pytest.mark.fault("outage with Retry-After")
@pytest.mark.parametrize("status", [408, 500, 503])
def test_an_outage_may_say_how_long_it_lasts(status: int) -> None:
    dated = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
    for text, after in (("90", 90.0), (dated, 90.0), ("1e9", 0.0), ("99999", RETRY_AFTER_CAP)):
        assert judged(status, HTML, {"Retry-After": text}) == Again(f"the API answered {status}", after)


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_an_error_whose_text_did_not_come_may_pass(status: int) -> None:
    verdict = judge(status, {}, b'{"status":"ERR', now=NOW, is_whole=False)
    assert verdict == Again(f"the API answered {status}, and the text of this error did not come")


def test_a_wrong_key_needs_no_text() -> None:
    assert said(judge(401, {}, b"", now=NOW, is_whole=False)) == said(judged(401))


@pytest.mark.fault("unusual status")
def test_every_status_is_of_the_question_or_of_the_moment() -> None:
    """What says nothing of the question is asked again, also a status that nobody has seen before."""
    of_the_moment = {304, 408, 409, 421, 423, 424, 425, 460, 499}
    for status in range(1100):
        verdict = judged(status, {"error": "so it is"})
        if status == 200:
            assert verdict == Body()
        elif status == 429:
            assert verdict == Later(None)
        elif status in of_the_moment or not 300 <= status < 500:
            assert verdict == Again(f"the API answered {status}")
        else:
            assert isinstance(verdict, Wrong | Missing), status


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed_and_names_the_field(status: int) -> None:
    kind, message = said(judged(status, HTML, {"Location": "https://elsewhere.example"}))
    assert kind is ConfigError
    assert f"({status})" in message
    assert "base_url" in message
    assert "elsewhere" not in message


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            {"status": "ERROR", "request_id": "1", "error": "API Key was not provided"},
            "API Key was not provided",
        ),
        ({"status": "ERROR", "request_id": "1", "error": "Unknown API Key"}, "Unknown API Key"),
        (b"", "None"),
        (HTML, "None"),
    ],
)
def test_a_401_is_the_key(body: bytes | Mapping[str, Any], detail: str) -> None:
    verdict = judged(401, body)
    kind, message = said(verdict)
    assert kind is ConfigError
    assert "api_key" in message
    assert isinstance(verdict, Wrong)
    assert verdict.error.detail == f"401: {detail}"


def test_a_407_is_the_proxy_s() -> None:
    kind, message = said(judged(407, HTML))
    assert kind is ConfigError
    assert "http://USER:PASSWORD@HOST:PORT" in message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (NOT_ENTITLED, RefusalReason.ENDPOINT),
        (TIMEFRAME, RefusalReason.TIMEFRAME),
        (TOO_EARLY, RefusalReason.UNPUBLISHED),
    ],
)
@pytest.mark.parametrize(
    "others",
    [
        {"status": "NOT_AUTHORIZED", "request_id": "1"},
        {},
        {"error": ""},
        {"error": None, "status": None},
        {"error": 403, "status": ["NOT_AUTHORIZED"]},
        {"count": 0, "deep": {"a": [1]}},
    ],
)
def test_the_three_403s_are_told_apart_by_their_text(
    text: str, why: RefusalReason, others: Mapping[str, Any]
) -> None:
    assert judged(403, {**others, "message": text}) == Refusal(why, text)


def test_the_text_of_a_403_may_stand_in_error() -> None:
    assert judged(403, {"status": "ERROR", "error": NOT_ENTITLED}) == Refusal(
        RefusalReason.ENDPOINT, NOT_ENTITLED
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"status": "NOT_AUTHORIZED", "message": "Something new."}, "Something new."),
        ({"status": "NOT_AUTHORIZED"}, "NOT_AUTHORIZED"),
        ({}, "without a reason"),
        (b"", "without a reason"),
        (HTML, "without a reason"),
        (b"[]", "without a reason"),
    ],
)
def test_another_403_is_the_users_and_quotes_its_text(body: bytes | Mapping[str, Any], text: str) -> None:
    kind, message = said(judged(403, body))
    assert kind is ConfigError
    assert text in message
    assert "html" not in message


@pytest.mark.parametrize("error", ["Ticker not found.", "Data not found.", ""])
def test_a_404_in_json_is_nothing_found(error: str) -> None:
    assert judged(404, {"status": "NOT_FOUND", "request_id": "1", "error": error}) == Missing()
    assert judged(404, {"status": "NOT_FOUND", "message": error}) == Missing()


@pytest.mark.parametrize("body", [b"404 page not found", b"", HTML, b"null", b"[]", b'"x"'])
def test_another_404_is_the_address(body: bytes) -> None:
    assert judged(404, body) == Missing(no_route=True)


@pytest.mark.parametrize("status", [400, 405, 410, 414, 418, 451])
def test_any_other_status_is_our_fault_and_quotes_the_reason(status: int) -> None:
    kind, message = said(judged(status, {"status": "ERROR", "error": "Could not parse the time parameter"}))
    assert kind is ConnectorError
    assert f"({status}): Could not parse the time parameter" in message
    assert "without a reason" in said(judged(status, HTML))[1]


def test_no_more_than_300_characters_of_an_error_are_quoted() -> None:
    assert error_text(json.dumps({"error": "x" * 5000}).encode()) == "x" * 300


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":"a","message":"b","status":"c"}', "a"),
        (b'{"message":"b","status":"c"}', "b"),
        (b'{"status":"c"}', "c"),
        (b'{"error":null,"message":"b"}', "b"),
        (b'{"error":{"code":1},"message":"b"}', "b"),
        (b"{}", ""),
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"null", None),
        (b'{"error":"\xff"}', None),
        (b'{"error":"\\ud800"}', None),
        (b'{"x":' + b"[" * 100_000, None),
        (HTML, None),
    ],
    ids=range(14),
)
def test_the_text_of_an_error_body(body: bytes, text: str | None) -> None:
    assert error_text(body) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("soon", None),
        ("nan", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.5", 0.5),
        ("2.", None),
        (".5", None),
        ("1_0", None),
        ("+7", None),
        ("-5", None),
        ("-inf", None),
        ("3600", 3600.0),
        ("3601", RETRY_AFTER_CAP),
        ("999999999999", RETRY_AFTER_CAP),
        ("inf", None),
        ("Infinity", None),
        ("1e400", None),
        ("1e1", None),
        ("\u0663", None),  # an Arabic digit, which float() takes
        ("9" * 400, None),
        ("9" * 5000, None),
        ("Mon, 02 Mar 2026 15:01:30 GMT", 90.0),
        ("Mon, 02 Mar 2026 15:01:30 -0000", 90.0),
        ("Mon, 02 Mar 2026 10:01:30 -0500", 90.0),
        ("Monday, 02-Mar-26 15:01:30 GMT", 90.0),
        ("Mon, 02 Mar 2026 14:59:00 GMT", 0.0),
        ("Fri, 01 Jan 2038 00:00:00 GMT", RETRY_AFTER_CAP),
        ("Mon, 32 Mar 2026 15:01:30 GMT", None),
        ("Mon, 02 Mar 99999999999999999999 15:01:30 GMT", None),
        ("Mon, 02 Mar 2026 99999999999:01:30 GMT", None),
        ("Mon, 02 Mar 2026 15:01:30 +9999", None),
        ("2026-03-02T15:01:30Z", None),
    ],
)
def test_both_forms_of_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, now=NOW) == seconds


@pytest.mark.parametrize("behind", [-600, 0, 600, 2 * 86_400])
def test_a_dated_retry_after_counts_from_the_date_of_its_response(behind: int) -> None:
    sent = NOW + timedelta(seconds=behind)
    headers = {"Retry-After": format_datetime(sent + timedelta(seconds=3), usegmt=True)}
    dated = CIMultiDict({**headers, "Date": format_datetime(sent, usegmt=True)})
    assert judge(429, dated, b"", now=NOW) == Later(3.0)
    if behind == 0:
        damaged = CIMultiDict({**headers, "Date": "Thu, 01 Jan 1970 00:00:00 GMT"})
        assert judge(429, damaged, b"", now=NOW) == Later(3.0)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-1439, 1439))  # noqa: DTZ001 - made aware below
def test_a_dated_retry_after_is_between_nothing_and_the_cap(moment: datetime, minutes: int) -> None:
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    text = f"{moment.day} {moment:%b} {moment.year:04} {moment:%H:%M:%S} {offset}"
    seconds = retry_after(text, now=NOW)
    passed = moment.replace(tzinfo=UTC, microsecond=0) - timedelta(minutes=minutes) - NOW
    if moment.year >= 1000:  # years of two digits are of another century
        assert seconds == min(max(passed.total_seconds(), 0.0), RETRY_AFTER_CAP)


@given(
    st.sampled_from([int(one) for one in HTTPStatus]) | st.integers(0, 999),
    st.binary(max_size=40) | st.sampled_from([HTML, b"{}", b'{"error":', b'{"x":' + b"[" * 5000]),
    st.none()
    | st.text(max_size=40)
    | st.from_regex(r"\A[0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,30} [0-9:]{1,20} [-+0-9]{1,9}"),
)
@example(429, b"", "1 Jan 99999999999999999999 00:00:00 GMT")
@example(403, b'{"x":' + b"[" * 100_000, None)
def test_no_answer_is_without_a_verdict(status: int, body: bytes, header: str | None) -> None:
    headers = {} if header is None else {"Retry-After": header}
    verdict = judge(status, headers, body, now=NOW)
    assert (verdict == Body()) == (status == 200)
    assert isinstance(verdict, Later) == (status == 429)
    if isinstance(verdict, Later) and verdict.after is not None:
        assert 0 <= verdict.after <= RETRY_AFTER_CAP
