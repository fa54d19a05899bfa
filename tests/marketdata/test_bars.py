"""Pages of bars: which are taken, and which are refused and with what words."""

import json
import math
from datetime import date

import pytest
from bar_answers import (
    ASKED,
    DAY,
    FRIDAY,
    MONDAY,
    TUTORIAL,
    at,
    bars_of,
    body,
    judge_range,
    market,
    stamps,
    wire,
)
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.errors import BadPageError, TransientError
from stockticker_async.marketdata.bars import Asked, RangePage, decode_grouped, decode_range, judge_grouped


def refused(content: bytes) -> str:
    with pytest.raises(BadPageError) as caught:
        decode_range(content)
    return caught.value.message


@pytest.mark.parametrize("text", ["9223372036854775808", "18446744073709551616", "1" + "0" * 30])
def test_a_number_of_trades_that_no_line_can_hold_names_the_bar_and_the_field(text: str) -> None:
    page = body(wire(at(2020, 12, 15), n="N")).replace(b'"N"', text.encode())
    assert refused(page).startswith(
        "bar 1 (2020-12-15T05:00:00Z) is not usable: Expected `int` <= 922337203685"
    )


def test_an_unknown_field_is_no_fault() -> None:
    bars = judge_range(
        decode_range(body(wire(at(2020, 12, 15), x=[{"y": None}]), news={"a": [1]}, next_url=None)),
        ASKED,
        after_ms=None,
    )
    assert stamps(bars) == [at(2020, 12, 15)]


@pytest.mark.parametrize(("hours", "held"), [(0, True), (16, True), (24, False), (-5, False), (25, False)])
def test_an_answer_for_another_session_is_refused(hours: int, held: bool) -> None:  # noqa: FBT001 - a case
    session = date(2020, 12, 18)
    row = {"T": "TSLA", "t": at(2020, 12, 18) + hours * 3_600_000, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
    page = decode_grouped(json.dumps({"adjusted": True, "results": [row]}).encode())
    if held:
        assert judge_grouped(page, adjusted=True, wanted=None, session=session)
    else:
        with pytest.raises(BadPageError, match="asked for the session of 2020-12-18"):
            judge_grouped(page, adjusted=True, wanted=None, session=session)


@pytest.mark.parametrize("strange", [-86_400_000, -1, 86_400_000, 7 * 86_400_000])
def test_one_row_of_another_day_spoils_a_session(strange: int) -> None:
    """Whether the row is wanted or not, and however many are right."""
    session = date(2020, 12, 18)
    rows = [wire(at(2020, 12, 18), T=f"T{n}") for n in range(300)] + [wire(at(2020, 12, 18) + strange, T="Z")]
    page = decode_grouped(body(*rows))
    with pytest.raises(BadPageError, match=r"asked for the session of 2020-12-18.* \(1 of 301 bars\)"):
        judge_grouped(page, adjusted=True, wanted=frozenset({"T1"}), session=session)


@pytest.mark.parametrize("field", ["c", "l", "v", "vw", "n"])
def test_a_figure_below_zero_names_the_bar_and_the_field(field: str) -> None:
    message = refused(body(TUTORIAL[0], wire(at(2020, 12, 15), **{field: -5})))
    assert message.startswith("bar 2 (2020-12-15T05:00:00Z) is not usable: Expected `")
    assert ">= 0" in message
    assert f"`$.{field}`" in message


@pytest.mark.parametrize("price", [0, -0.0, 1e-9, 1e308])
def test_a_price_may_be_rounded_to_nothing_or_grow_without_bound(price: float) -> None:
    assert [bar.c for bar in bars_of(wire(at(2020, 12, 15), c=price))] == [price]


def test_the_last_day_of_all_calendars_has_an_end() -> None:
    asked = Asked("TSLA", date(9999, 12, 30), date.max, DAY, adjusted=True)
    assert asked.until_ms - asked.from_ms == 2 * 86_400_000


# Pages that are taken


@pytest.mark.parametrize("status", ["OK", "DELAYED", None])
def test_a_successful_status_is_ok_delayed_or_absent(status: str | None) -> None:
    page = decode_range(body(TUTORIAL[0], status=status))
    assert len(judge_range(page, ASKED, after_ms=None)) == 1
    assert decode_range(b"{}") == RangePage()


@pytest.mark.parametrize(
    "content", [b'{"results":null}', b'{"results":[]}', b'{"resultsCount":0,"status":"OK"}']
)
def test_no_bars_are_absent_null_or_an_empty_list(content: bytes) -> None:
    assert judge_range(decode_range(content), ASKED, after_ms=None) == []
    assert judge_grouped(decode_grouped(content), adjusted=False, wanted=None) == []


def test_a_page_tells_the_next() -> None:
    assert decode_range(body(next_url="https://x.example/next")).next_url == "https://x.example/next"
    assert decode_range(body()).next_url is None


@pytest.mark.parametrize("field", ["ticker", "adjusted"])
def test_bars_without_an_echo_are_refused(field: str) -> None:
    """Nobody can tell whose they are, or on which basis."""
    with pytest.raises(BadPageError, match=rf"does not say .* \(field {field}\)"):
        judge_range(decode_range(body(TUTORIAL[0], **{field: None})), ASKED, after_ms=None)
    assert judge_range(decode_range(body(**{field: None})), ASKED, after_ms=None) == []


def test_a_session_that_does_not_say_whether_it_is_adjusted_is_refused() -> None:
    page = decode_grouped(body(wire(at(2020, 12, 18), T="TSLA"), adjusted=None))
    with pytest.raises(BadPageError, match=r"does not say .* \(field adjusted\)"):
        judge_grouped(page, adjusted=True, wanted=None, session=date(2020, 12, 18))


# Pages that are refused


def test_a_bad_page_may_be_a_good_one_in_the_next_sync() -> None:
    assert issubclass(BadPageError, TransientError)


@pytest.mark.parametrize("ticker", ["tsla", "TSL", "", "T" * 5000])
def test_another_tickers_page_is_refused(ticker: str) -> None:
    page = decode_range(body(TUTORIAL[0], ticker=ticker))
    with pytest.raises(BadPageError, match="another ticker") as caught:
        judge_range(page, ASKED, after_ms=None)
    assert len(caught.value.message) < 100


@pytest.mark.parametrize("adjusted", [True, False])
def test_a_page_on_the_other_basis_is_refused(adjusted: bool) -> None:  # noqa: FBT001 - a case
    asked = Asked("TSLA", MONDAY, FRIDAY, DAY, adjusted=adjusted)
    page = decode_range(body(TUTORIAL[0], adjusted=not adjusted))
    with pytest.raises(BadPageError, match=f"adjusted={adjusted}, the API answered the opposite"):
        judge_range(page, asked, after_ms=None)
    market = decode_grouped(body(wire(0, T="A"), adjusted=not adjusted))
    with pytest.raises(BadPageError, match=f"adjusted={adjusted}, the API answered the opposite"):
        judge_grouped(market, adjusted=adjusted, wanted=None)
    assert judge_grouped(decode_grouped(body(adjusted=not adjusted)), adjusted=adjusted, wanted=None) == []


@pytest.mark.parametrize("field", list("ohlcv"))
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("null", "got `null`"),
        ('"639.83"', "got `str`"),
        ("NaN", "got `str`"),
        ("-Infinity", "got `str`"),
        ("true", "got `bool`"),
        ("[]", "got `array`"),
        ("{}", "got `object`"),
    ],
)
def test_an_unusable_price_names_the_bar_and_the_field(field: str, value: str, fault: str) -> None:
    page = body(TUTORIAL[0], wire(at(2020, 12, 15), **{field: "?"})).replace(b'"?"', value.encode())
    message = refused(page)
    assert "bar 2 (2020-12-15T05:00:00Z) is not usable" in message
    assert f"`$.{field}`" in message
    assert fault in message


@pytest.mark.parametrize("field", list("tohlcv"))
def test_a_missing_field_names_the_bar_and_the_field(field: str) -> None:
    bar = wire(at(2020, 12, 15))
    del bar[field]
    message = refused(body(TUTORIAL[0], bar))
    assert message.startswith("bar 2 is not" if field == "t" else "bar 2 (2020-12-15T05:00:00Z) is not")
    assert f"missing required field `{field}`" in message


def test_a_price_beyond_every_number_names_the_bar_and_the_field() -> None:
    page = body(TUTORIAL[0], wire(at(2020, 12, 15), c="?")).replace(b'"?"', b"1e999")
    assert "`$.results[1].c`" in refused(page)


def test_a_harmless_notation_is_not_blamed_for_another_bars_fault() -> None:
    page = body(wire("T"), wire(at(2020, 12, 16), c=None)).replace(b'"T"', b"1.6080084e12")
    assert refused(page).startswith("bar 2 (2020-12-16T05:00:00Z)")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "no whole JSON"),
        (b"<html><body>Bad Gateway</body></html>", "an HTML page"),
        (b"\n <!DOCTYPE html>", "an HTML page"),
        (body(*TUTORIAL)[:200], "no whole JSON"),
        (body(*TUTORIAL) + b"x", "no whole JSON"),
        (b"\xff\xfe", "no whole JSON"),
        (b'{"ticker":"\xff"}', "no whole JSON"),
        (b'{"x":' + b"[" * 100_000, "no whole JSON"),
        (b"[" * 100_000, "no whole JSON"),
        (b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "no whole JSON"),
        (b"[]", "JSON that is no object"),
        (b"null", "JSON that is no object"),
        (b'"OK"', "JSON that is no object"),
        (b'{"results":5}', "not of the published form"),
        (b'{"results":{"t":1}}', "not of the published form"),
        (b'{"results":[],"ticker":5}', "not of the published form"),
        (b'{"results":[],"ticker":"\\ud800"}', "not of the published form"),
        (b'{"results":[],"\\ud800":1}', "not of the published form"),
        (b'{"results":[{"\\ud800":1}]}', "bar 1 is not usable: the name of a field is no Unicode text"),
        (b'{"results":[5]}', "bar 1 is not usable"),
        (b'{"results":[[1,2]]}', "bar 1 is not usable"),
        (b'{"results":[{"t":"x","o":1,"h":1,"l":1,"c":1,"v":1}]}', "bar 1 is not usable"),
        (b'{"results":[{"t":1.5,"o":1,"h":1,"l":1,"c":1,"v":1}]}', "bar 1 is not usable"),
    ],
    ids=range(23),
)
def test_what_is_no_page_is_told_in_words(content: bytes, fault: str) -> None:
    assert fault in refused(content)
    if b"ticker" not in content:  # which the market's answer does not have
        with pytest.raises(BadPageError, match=fault):
            decode_grouped(content)


@pytest.mark.parametrize(
    ("envelope", "fault"),
    [
        ({"status": "ERROR", "error": "Something failed"}, "with status ERROR: Something failed"),
        ({"status": "ERROR", "message": "Something failed"}, "with status ERROR: Something failed"),
        ({"status": "NOT_AUTHORIZED"}, "with status NOT_AUTHORIZED: no reason given"),
        ({"status": "ERROR", "error": "x" * 5000}, "with status ERROR: xxx"),
        ({"status": ""}, "with status : no reason given"),
    ],
)
def test_an_error_with_200_is_refused_with_its_reason(envelope: dict[str, object], fault: str) -> None:
    for decode in (decode_range, decode_grouped):
        with pytest.raises(BadPageError, match=fault) as caught:
            decode(body(TUTORIAL[0] | {"T": "A"}, **envelope))
        assert len(caught.value.message) < 300


def test_the_market_gives_the_wanted_tickers_in_its_order() -> None:
    bars = judge_grouped(market("B", "A", "C"), adjusted=True, wanted=frozenset({"A", "B", "X"}))
    assert [bar.T for bar in bars] == ["B", "A"]
    everything = judge_grouped(market("B", "A", "C"), adjusted=True, wanted=None)
    assert [bar.T for bar in everything] == ["B", "A", "C"]


def test_a_ticker_twice_in_the_market_is_refused_where_it_matters() -> None:
    with pytest.raises(BadPageError, match="twice"):
        judge_grouped(market("A", "B", "A"), adjusted=True, wanted=None)
    bars = judge_grouped(market("A", "B", "A"), adjusted=True, wanted=frozenset({"B"}))
    assert [bar.T for bar in bars] == ["B"]


@pytest.mark.parametrize("wanted", [None, frozenset({"A"})], ids=["market", "named"])
@pytest.mark.parametrize("name", ["", "A B", " A", "A\n", "A,B", "A=1", "*", "..", "A" * 5000, "A\u3000"])
def test_a_bar_of_the_market_without_a_ticker_is_refused(name: str, wanted: frozenset[str] | None) -> None:
    """Whoever is wanted: the bar may be the one of a wanted ticker."""
    with pytest.raises(BadPageError, match="no ticker") as caught:
        judge_grouped(market("A", name, "B"), adjusted=True, wanted=wanted)
    assert len(caught.value.message) < 120


def test_a_bar_of_the_market_without_the_field_is_refused() -> None:
    nameless = decode_grouped(body(wire(at(2020, 12, 15))))
    with pytest.raises(BadPageError, match="no ticker"):
        judge_grouped(nameless, adjusted=True, wanted=frozenset({"A"}))
    with pytest.raises(BadPageError, match="not of the published form"):
        decode_grouped(body(wire(at(2020, 12, 15), T=5)))


scraps = st.sampled_from(
    [
        b'{"results":[',
        b'{"t":1608008400000,"o":1,"h":1,"l":1,"c":1,"v":1}',
        *(b'{"T":"A",', b'"t":', b'"results":', b'"status":', b'"OK"', b'"\\ud800"', b'"\\ud800":'),
        *(b",", b"]", b"}", b"{", b"[", b"null", b"NaN", b"1e999", b"-1", b"9" * 30, b"\xff"),
    ]
)


@given(st.binary(max_size=60) | st.lists(scraps, max_size=8).map(b"".join))
def test_any_bytes_are_a_page_or_a_bad_page(content: bytes) -> None:
    for decode in (decode_range, decode_grouped):
        try:
            page = decode(content)
        except BadPageError:
            continue
        for bar in page.results or ():
            assert all(math.isfinite(price) for price in (bar.o, bar.h, bar.l, bar.c, bar.v))
