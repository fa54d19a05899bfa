"""A page to lines: whatever way it is cut, the same lines as its bars have alone, or the same refusal."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support import row_of

from stockticker_async.connector import protocol
from stockticker_async.connector.bar_lines import Lines, bar_lines, price_lines
from stockticker_async.errors import BadPageError
from stockticker_async.marketdata import bar_pages
from stockticker_async.marketdata.bar_pages import BarPage, JudgedBars, Wanted, read_page
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.marketdata.bars import Asked, Bar, Close
from stockticker_async.marketdata.calendar import midnight_ms, weekdays

NEW_YORK = ZoneInfo("America/New_York")
FIRST, LAST = date(2020, 12, 1), date(2021, 3, 31)
AT = 1_608_656_400_000
STREAMS = ("stock_prices", "stock_bars")


def prices(asked: Asked, first: date = FIRST) -> Wanted[Lines]:
    return Wanted(first, lambda bars: price_lines("stock_prices", asked.ticker, bars, emitted_at_ms=AT))


def whole_bars(asked: Asked, first: date = FIRST) -> Wanted[Lines]:
    return Wanted(first, lambda bars: bar_lines("stock_bars", bars, asked=asked, emitted_at_ms=AT))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["},{", '"},{"', '"results":[{', "}]", '\\"},{\\"t\\":1', '{"t":1},{"t":2}']
)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
unknown_fields = st.dictionaries(texts.filter(lambda key: len(key) > 3), anything, max_size=2)
WHOLE = {"t": midnight_ms(FIRST), "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
numbers = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
WEEKDAYS = weekdays(FIRST, LAST)
_MINUTES = 960
"""Of a session, from 04:00 New York on."""


def minute_at(place: int) -> int:
    """The start of a minute in which stocks trade, of those from the first day on."""
    day, minute = divmod(place, _MINUTES)
    return midnight_ms(WEEKDAYS[day]) + 4 * 3_600_000 + minute * 60_000


@st.composite
def bars(draw: st.DrawFn, *, intraday: bool) -> list[dict[str, Any]]:
    def start(place: int) -> int:
        return minute_at(place) if intraday else midnight_ms(WEEKDAYS[place])

    count = len(WEEKDAYS) * (_MINUTES if intraday else 1)
    places = draw(st.lists(st.integers(0, count - 1), unique=True, max_size=12))
    return [
        {
            **draw(unknown_fields),
            "t": start(place),
            **{name: draw(numbers) for name in ("o", "h", "l", "c", "v")},
            **draw(st.fixed_dictionaries({}, optional={"vw": numbers, "otc": st.booleans()})),
            **draw(st.fixed_dictionaries({}, optional={"n": st.integers(0, 2**53)})),
        }
        for place in sorted(places)
    ]


def converted(
    body: bytes,
    asked: Asked,
    wanted: Sequence[Wanted[Lines]] | None = None,
    *,
    after_ms: int | None = None,
    otc: bool = True,
) -> BarPage[Lines]:
    wanted = (prices(asked), whole_bars(asked)) if wanted is None else wanted
    steps = read_page(body, asked, wanted, after_ms=after_ms, otc=otc)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            page: BarPage[Lines] = done.value
            return page


def written(page: BarPage[Lines]) -> list[bytes]:
    return [b"".join(piece.data for piece in one.chunks) for one in page.converted]


def alone(asked: Asked, bar: dict[str, Any], stream: str) -> bytes:
    """The line of one bar, made without the code under test."""
    data = row_of(stream, asked.ticker, bar, adjusted=asked.adjusted)
    return protocol.line({"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": AT}})


@pytest.fixture(params=[1, 150, 100_000], ids=["cut everywhere", "cut now and then", "whole"])
def _piece_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bar_pages, "_PIECE_BYTES", request.param)
    monkeypatch.setattr(bar_pages, "_DAYS_BYTES", request.param)


@pytest.mark.usefixtures("_piece_bytes")
@pytest.mark.parametrize("intraday", [False, True], ids=["days", "minutes"])
@pytest.mark.parametrize("spaced", [False, True], ids=["dense", "spaced"])
def test_every_line_is_byte_for_byte_that_of_its_bar(intraday: bool, spaced: bool) -> None:  # noqa: FBT001 - cases
    @settings(max_examples=40)
    @given(bars(intraday=intraday), texts, unknown_fields)
    @example([], "TSLA", {"x": '"results":[{"t":1}]'})
    @example([], "TSLA", {"xxxx": {"results": [{"t": 1}]}})
    @example([], "TSLA", {"xxxx": {"results": [WHOLE]}})
    @example([], "TSLA", {"error": [], "message": {"a": 1}})
    def property_of_pages(results: list[dict[str, Any]], ticker: str, unknown: dict[str, Any]) -> None:
        asked = Asked(ticker, FIRST, LAST, BarSize(1, "minute") if intraday else ONE_DAY, adjusted=True)
        envelope = {**unknown, "ticker": ticker, "results": results, "adjusted": True, "status": "OK"}
        options = orjson.OPT_INDENT_2 if spaced else 0
        page = converted(orjson.dumps({**envelope, "next_url": "/next"}, option=options), asked)
        for stream, found in zip(STREAMS, written(page), strict=True):
            assert found == b"".join(alone(asked, bar, stream) for bar in results)
        times = [bar["t"] for bar in results]
        assert page.count == len(times)
        assert [page.first_ms, page.last_ms] == ([times[0], times[-1]] if times else [None, None])
        assert page.moments == ([] if intraday else times)
        assert page.next_url == "/next"

    property_of_pages()


def wire(t: Any, **fields: Any) -> dict[str, Any]:
    return {"o": 1.5, "h": 2.5, "l": 0.5, "c": 1.0, "v": 10.0, "t": t, **fields}


def at(day: date) -> int:
    return midnight_ms(day)


ASKED = Asked("TSLA", FIRST, LAST, ONE_DAY, adjusted=True)


@pytest.mark.parametrize(
    "form",
    [
        '{"results":[],"data":{"results":[%s]}}',
        '{"data":{"results":[%s]},"results":[]}',
        '{"data":[{"results":[%s]}],"results":null}',
        '{"results":[%s],"results":[]}',
        '{"resul\\u0074s":[],"data":{"results":[%s]}}',
        '{"results":[%s],"resul\\u0074s":[]}',
        '{"data":{"results":[%s]}}',
    ],
)
def test_bars_of_anything_but_the_results_of_the_page_are_no_bars(form: str) -> None:
    asked = Asked("TSLA", FIRST, LAST, ONE_DAY, adjusted=True)
    page = converted((form % orjson.dumps(WHOLE).decode()).encode(), asked)
    assert page.count == 0
    assert written(page) == [b"", b""]


DAYS = [at(day) for day in WEEKDAYS[:20]]


def page_of(*results: Any, **fields: Any) -> bytes:
    return orjson.dumps({"ticker": "TSLA", "adjusted": True, "results": results, "status": "OK", **fields})


def spoiled(place: int, change: Callable[[dict[str, Any]], object]) -> bytes:
    found = [wire(t) for t in DAYS]
    change(found[place])
    return page_of(*found)


@pytest.mark.usefixtures("_piece_bytes")
@pytest.mark.parametrize("place", [0, 7, 19])
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda bar: bar.update(t=DAYS[3] + 1), "order|neither the start"),
        (lambda bar: bar.update(t=DAYS[3]), "order|twice"),
        (lambda bar: bar.update(t=at(date(2021, 4, 1))), "outside the range|order"),
        (lambda bar: bar.update(t=at(date(2020, 11, 30))), "outside the range"),
        (lambda bar: bar.update(h="1.5"), "bar {} .*h"),
        (lambda bar: bar.pop("o"), "bar {} .*`o`"),
        (lambda bar: bar.update(c=None), "bar {} .*c"),
    ],
)
def test_a_bad_bar_anywhere_spoils_the_whole_page(
    place: int, change: Callable[[dict[str, Any]], object], fault: str
) -> None:
    with pytest.raises(BadPageError, match=fault.format(place + 1)):
        converted(spoiled(place, change), ASKED)


@pytest.mark.usefixtures("_piece_bytes")
def test_what_is_harmless_is_forgiven_wherever_it_stands() -> None:
    body = spoiled(7, lambda bar: bar.update(t="T")).replace(b'"T"', b"%de3" % (DAYS[7] // 1000))
    page = converted(body, ASKED)
    assert page.moments == DAYS
    assert written(page) == written(converted(page_of(*map(wire, DAYS)), ASKED))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"ticker": "tsla"}, "another ticker"),
        ({"adjusted": False}, "opposite"),
        ({"status": "ERROR", "error": "no luck"}, "no luck"),
    ],
)
def test_a_page_that_is_not_what_was_asked_is_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadPageError, match=fault):
        converted(page_of(*map(wire, DAYS), **fields), ASKED)


@pytest.mark.parametrize(
    "body",
    [
        b'{"results":[{"t":1},{"t":2',
        b'{"results":[{"t":1}]',
        b'"results":[{"t":1}]',
        b'{"results":[{"t":1}]}}',
        b'{"results":[{}],"status":5}',
        b'{"results":[{}]}\xff',
        b"<html>",
        b"",
    ],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(BadPageError):
        converted(body, ASKED)


def test_the_bars_are_those_of_results_alone() -> None:
    inner = {"results": [wire(DAYS[0])]}
    echo = {"ticker": ASKED.ticker, "adjusted": ASKED.adjusted}
    first = orjson.dumps({**echo, "x": inner, "results": [wire(DAYS[1])]})
    last = orjson.dumps({"results": [wire(DAYS[1])], "x": inner, **echo})
    odd = orjson.dumps({**echo, 'my"results': [wire(DAYS[0])], "results": [wire(DAYS[1])]})
    for body in (first, last, odd):
        assert converted(body, ASKED).moments == [DAYS[1]]
    assert converted(orjson.dumps({"x": inner}), ASKED).count == 0


def test_pages_are_judged_as_if_they_were_one() -> None:
    first, second = page_of(*map(wire, DAYS[:10])), page_of(*map(wire, DAYS[10:]))
    assert converted(second, ASKED, after_ms=converted(first, ASKED).last_ms).count == 10
    with pytest.raises(BadPageError, match="order"):
        converted(first, ASKED, after_ms=DAYS[10])


@pytest.mark.usefixtures("_piece_bytes")
def test_a_stream_gets_its_days_and_no_otc_stocks_unless_it_wants_them() -> None:
    results = [wire(t, otc=place % 2 == 0) for place, t in enumerate(DAYS)]
    later = WEEKDAYS[5]
    wanted = (prices(ASKED, later), whole_bars(ASKED, later), whole_bars(ASKED, LAST), prices(ASKED, LAST))
    for otc in (True, False):
        page = converted(page_of(*results), ASKED, wanted, otc=otc)
        chosen = [bar for bar in results[5:] if otc or not bar["otc"]]
        assert written(page) == [
            b"".join(alone(ASKED, bar, "stock_prices") for bar in chosen),
            b"".join(alone(ASKED, bar, "stock_bars") for bar in chosen),
            b"",
            b"",
        ]
        assert page.last_kept_ms == page.last_ms == DAYS[19]
    only = converted(page_of(*results[:3]), ASKED, wanted[1:2], otc=False)
    assert only.last_kept_ms == DAYS[1]
    none = converted(page_of(results[0]), ASKED, wanted[1:2], otc=False)
    assert none.last_kept_ms is None
    assert none.last_ms == DAYS[0]


def test_a_full_page_is_cut_into_pieces_that_the_output_takes() -> None:
    minute = Asked("TSLA", FIRST, LAST, BarSize(1, "minute"), adjusted=True)
    body = page_of(*(wire(minute_at(n), vw=123.4567, n=10**9) for n in range(50_000)))
    page = converted(body, minute, [whole_bars(minute)])
    pieces = page.converted[0].chunks
    assert sum(piece.count for piece in pieces) == 50_000
    assert 20 < len(pieces) < 200
    assert max(len(piece.data) for piece in pieces) < 600_000
    spaced = converted(body.replace(b'"results":[', b'"results": ['), minute, [whole_bars(minute)])
    assert written(spaced) == written(page)
    assert max(len(piece.data) for piece in spaced.converted[0].chunks) < 600_000


class Closes:
    """A converter that reads no more than a `Close` has, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Close] = []

    def __call__(self, bars: Sequence[Close]) -> JudgedBars:
        self.given += bars
        return JudgedBars([])


def test_a_long_history_gives_way_between_its_parts() -> None:
    """5,000 days in one step, the first of a sync, held the loop for 70 ms."""
    days = weekdays(date(2003, 1, 1), date(2022, 12, 30))
    body = page_of(*(wire(at(day)) for day in days))
    asked, steps = Asked("TSLA", days[0], days[-1]), [0]

    def convert(bars: Sequence[Bar]) -> JudgedBars:
        steps[-1] += len(bars)
        return JudgedBars(bars)

    for _ in read_page(body, asked, [Wanted(days[0], convert)] * 2, after_ms=None):
        steps.append(0)  # noqa: PERF401 - `convert` adds to the last one
    assert sum(steps) == 2 * len(days)
    assert steps[0] == 0, "others have a turn after the page is judged"
    assert max(steps) < 2_000


def only_closes(body: bytes, *others: Wanted[JudgedBars], otc: bool = True) -> Closes:
    closes = Closes()
    wanted = (Wanted(FIRST, closes, closes_only=True), *others)
    steps = read_page(body, ASKED, wanted, after_ms=None, otc=otc)
    for _ in steps:
        pass
    return closes


UNUSABLE_VOLUME = page_of(*map(wire, DAYS[:3]), wire(DAYS[3], v="much"))


def test_prices_alone_ask_of_a_bar_its_time_and_its_close() -> None:
    closes = only_closes(UNUSABLE_VOLUME)
    assert [(bar.t, bar.c) for bar in closes.given] == [(moment, 1.0) for moment in DAYS[:4]]
    assert not isinstance(closes.given[0], Bar)
    for wrong in (wire(DAYS[3], c="much"), wire(DAYS[3], c=-1.0), wire(DAYS[2]), {"t": DAYS[3]}):
        with pytest.raises(BadPageError):
            only_closes(page_of(*map(wire, DAYS[:3]), wrong))


def test_every_field_is_judged_where_anybody_wants_more_than_prices() -> None:
    with pytest.raises(BadPageError, match="bar 4"):
        only_closes(UNUSABLE_VOLUME, Wanted(FIRST, JudgedBars))
    with pytest.raises(BadPageError, match="bar 4"):
        only_closes(UNUSABLE_VOLUME, otc=False)  # OTC stocks are told by a field of their own


def test_tickers_in_the_same_sessions_are_judged_each_for_itself() -> None:
    page = page_of(*map(wire, DAYS))
    assert only_closes(page).given == only_closes(page).given
    with pytest.raises(BadPageError, match="twice"):
        only_closes(page_of(*map(wire, DAYS), wire(DAYS[-1])))
    narrower = replace(ASKED, first=FIRST + timedelta(days=10))
    with pytest.raises(BadPageError, match="outside the range"):
        converted(page, narrower)
