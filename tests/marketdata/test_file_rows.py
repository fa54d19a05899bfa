"""Rows of flat files: every usable row once, in order, whatever the pieces; all else is refused or told."""

import gzip
from collections.abc import Callable, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata import file_lines, file_rows
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.calendar import midnight_ms
from stockticker_async.marketdata.file_rows import JudgedFile, judge

SESSION = date(2025, 4, 15)
MINUTE, DAY = BarSize(1, "minute"), BarSize(1, "day")
OPENS = midnight_ms(SESSION) + 4 * 3_600_000
HEADER = "ticker,volume,open,close,high,low,window_start,transactions"
Row = tuple[str, str, int]
"""A ticker, a volume, and a minute after 04:00."""


def line(
    ticker: str, minute: int = 0, *, volume: str = "4930", low: str = "200.29", high: str = "200.63"
) -> str:
    moment = (OPENS + 60_000 * minute) * 1_000_000
    return f"{ticker},{volume},200.29,200.5,{high},{low},{moment},129"


def packed(lines: Sequence[str], header: str = HEADER, end: str = "\n") -> bytes:
    return gzip.compress("".join(f"{one}{end}" for one in (header, *lines)).encode())


def judged(content: bytes, wanted: frozenset[str] | None = None, bar: BarSize = MINUTE) -> JudgedFile:
    steps = judge(content, SESSION, bar, wanted)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: JudgedFile = end.value
            return found


def rows(file: JudgedFile) -> list[Row]:
    return [
        (run.ticker, f"{bar.v:g}", (bar.t - OPENS) // 60_000)
        for run in file.runs()
        if run
        for bar in run.bars
    ]


def refusal(lines: Sequence[str], **how: str) -> str:
    with pytest.raises(BadPageError) as refused:
        judged(packed(lines, **how))
    return refused.value.message


tickers = st.sampled_from(["AAPL", "BRK.B", "NA", "NULL", "NAN", "AMpB", "A", "AA"])
volumes = st.sampled_from(["1", "4930", "0.5", "12345.678", "100000000000", "10000000000", "0"])
markets = st.dictionaries(
    tickers, st.dictionaries(st.integers(0, 959), volumes, min_size=1, max_size=40), min_size=1
)


@given(markets, st.integers(60, 400), st.integers(0, 300), st.booleans())
def test_every_row_is_given_once_in_the_order_of_the_file(
    market: dict[str, dict[int, str]],
    piece: int,
    kept: int,
    some: bool,  # noqa: FBT001 - drawn
) -> None:
    wanted = frozenset(list(market)[::2]) if some else None
    every = [
        (name, volume, minute) for name, held in market.items() for minute, volume in sorted(held.items())
    ]
    content = packed([line(name, minute, volume=volume) for name, volume, minute in every])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "_PIECE_BYTES", piece)
        patch.setattr(file_rows, "_KEPT_BYTES", kept)
        file = judged(content, wanted)
        found = [row for row in every if wanted is None or row[0] in wanted]
        if not some:
            text = b"".join(file.texts())
            assert text == b"".join(f"{line(n, m, volume=v)}\n".encode() for n, v, m in every)
        assert rows(file) == [(name, f"{float(volume):g}", minute) for name, volume, minute in found]
    assert file.rows == len(found)
    assert file.tickers == {name for name, _, _ in found}


def test_text_is_given_in_pieces_whether_it_was_kept_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line("A", minute) for minute in range(300)]
    monkeypatch.setattr(file_rows, "_TEXT_BYTES", 500)
    for kept in (0, 10**6):
        monkeypatch.setattr(file_rows, "_KEPT_BYTES", kept)
        pieces = list(judged(packed(lines)).texts())
        assert b"".join(pieces).decode().splitlines() == lines
        assert all(piece.endswith(b"\n") and len(piece) < 600 for piece in pieces)


def test_a_bar_has_the_values_of_its_row() -> None:
    (run,) = [run for run in judged(packed([line("AAPL", 3)])).runs() if run]
    (bar,) = run.bars
    assert (bar.t, bar.o, bar.h, bar.l, bar.c) == (OPENS + 180_000, 200.29, 200.63, 200.29, 200.5)
    assert (bar.v, bar.n, bar.vw, bar.otc) == (4930, 129, None, None)


def test_otc_stocks_are_marked() -> None:
    runs = judged(packed([line("AAPL"), line("OTCXF")])).runs(frozenset({"OTCXF"}))
    assert [(run.ticker, run.bars[0].otc) for run in runs if run] == [("AAPL", None), ("OTCXF", True)]


def test_rows_of_another_day_are_left_out_and_counted() -> None:
    strange = [
        line("AAPL", -600),  # the evening before
        *(line("AAPL", minute) for minute in range(60)),
        line("AAPL", 24 * 60),
        line("B").replace(str(OPENS * 1_000_000), "-68400000000000"),
    ]
    file = judged(packed(strange))
    assert [minute for _, _, minute in rows(file)] == [*range(60)]
    assert file.strangers == {"2025-04-14": 1, "2025-04-16": 1, "1969-12-31": 1}


def test_a_volume_that_looks_like_a_time_is_not_shortened() -> None:
    strange = f"B,10000000000,1,1,1,1,{(OPENS + 1) * 1_000_000},1"  # no whole minute
    assert "not at a whole minute" in refusal([line("A", 1), strange])
    far = [line("A", minute, volume="10000000000") for minute in range(40)]
    assert {
        volume for _, volume, _ in rows(judged(packed([line("A", -600, volume="10000000000"), *far])))
    } == {"1e+10"}


def test_a_file_of_another_day_is_refused() -> None:
    assert "rows of other days" in refusal([line("A", 24 * 60 + minute) for minute in range(5)])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line("A", 1), line("A", 0)], "a row of A stands out of order"),
        ([line("A", 1), line("A", 1)], "a row of A stands twice"),
        ([line("A", 1), line("B", 1), line("A", 1)], "a row of A stands twice"),
        ([line("A", 2), line("B", 1), line("A", 1)], "a row of A stands out of order"),
        ([line("A"), line("B", low="-1")], "'B,4930,200.29,200.5,200.63,-1,"),
        ([line("A"), line("B", volume="")], "a row is not usable: 'B,,"),
        ([line("A"), line("B", volume="n/a")], "a row is not usable: 'B,n/a,"),
        ([line("A"), line("B", volume="NaN")], "a row is not usable"),
        ([line("A"), line("B", volume="1e999")], "a row is not usable"),
        ([line("A"), line("B", volume="1_0")], "a row is not usable"),
        ([line("B", low="300")], "a row of B has a low above its high"),
        ([line("A"), line("B").rpartition(",")[0]], "a row is not usable"),
        ([line("A"), line("B") + ",1"], "a row is not usable"),
        ([line("A"), "", line("B")], "a line has no columns: ''"),
        ([line("A"), "garbage", line("B")], "a line has no columns: 'garbage'"),
        ([line(""), line("B")], "a ticker that is none: ''"),
        ([line("A B")], "a ticker that is none: 'A B'"),
        ([], "the file has no rows"),
    ],
)
def test_one_unusable_row_makes_the_file_unusable(lines: list[str], said: str) -> None:
    assert said in refusal(lines)


def test_a_file_has_no_more_tickers_than_there_are_stocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_rows, "MOST_TICKERS", 2)
    assert judged(packed([line("A"), line("B")])).rows == 2
    assert refusal([line("A"), line("B"), line("C")]) == "the file has more than 2 tickers."


def test_columns_are_found_by_name() -> None:
    names = HEADER.split(",")
    order = [*reversed(names), "vwap"]
    lines = [
        ",".join(
            {**dict(zip(names, line("A", minute).split(","), strict=True)), "vwap": "x"}[name]
            for name in order
        )
        for minute in range(3)
    ]
    assert rows(judged(packed(lines, ",".join(order)))) == [("A", "4930", minute) for minute in range(3)]
    assert "a line has 9 fields, not 10" in refusal(lines, header=",".join([*order, "more"]))
    assert "the file has no column close" in refusal(lines, header=HEADER.replace("close", "last"))


def test_lines_may_end_as_on_windows() -> None:
    assert rows(judged(packed([line("A"), line("B")], end="\r\n"))) == [("A", "4930", 0), ("B", "4930", 0)]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda content: content[:-20], "cut off"),
        (lambda content: content[:-8] + b"\0\0\0\0" + content[-4:], "damaged"),
        (lambda content: content[:30] + b"\xff\xff\xff" + content[33:], "damaged"),
        (lambda _: b"", "cut off"),
        (lambda _: b"ticker,volume\n", "damaged"),
        (lambda _: gzip.compress(b""), "it has no header"),
        (lambda _: gzip.compress(f"{HEADER}\n{line('A')}".encode()), "ends within a line"),
        (lambda _: gzip.compress(HEADER.encode() + b"\n" + b"x" * 2_000_000), "without an end"),
        (lambda _: gzip.compress(HEADER.encode() + b"\n\xff\xfe,1\n"), "no text"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(spoil: Callable[[bytes], bytes], said: str) -> None:
    content = spoil(packed([line("A", minute) for minute in range(300)]))
    with pytest.raises(BadPageError, match=said):
        judged(content)


def test_joined_gzip_files_are_one() -> None:
    content = packed([line("A")]) + gzip.compress(f"{line('B')}\n".encode())
    assert [name for name, _, _ in rows(judged(content))] == ["A", "B"]


def test_a_day_file_has_one_row_of_its_session_a_ticker() -> None:
    midnight = f"A,1,1,1,1,1,{midnight_ms(SESSION) * 1_000_000},1"
    closing = midnight.replace("A", "B").replace(
        str(midnight_ms(SESSION) * 1_000_000), str((midnight_ms(SESSION) + 16 * 3_600_000) * 1_000_000)
    )
    assert judged(packed([midnight, closing]), bar=DAY).tickers == {"A", "B"}
    for lines, said in (
        ([midnight, midnight], "A has 2 rows of one session"),
        ([midnight, closing, closing.replace("B", "A")], "A has two rows of one session"),
        ([midnight, line("B", 7)], "is of no session"),
    ):
        with pytest.raises(BadPageError, match=said):
            judged(packed(lines), bar=DAY)
