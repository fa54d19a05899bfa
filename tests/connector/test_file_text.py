"""Lines of a flat file to RECORD lines as text: the same records as from decoded bars."""

import gzip
from datetime import date

import orjson
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector.bar_lines import bar_lines
from stockticker_async.connector.file_text import file_lines
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.calendar import midnight_ms
from stockticker_async.marketdata.file_rows import judge
from stockticker_async.marketdata.session_files import COLUMNS

SESSION, MINUTE = date(2025, 4, 15), BarSize(1, "minute")
OPENS = midnight_ms(SESSION) + 4 * 3_600_000
HEADER = ",".join(COLUMNS)
numbers = st.integers(0, 10**6).map(str) | st.decimals(0, 1000, places=4).map(str)
rows = st.dictionaries(
    st.sampled_from(["A", "NA", "BRK.B", 'Q"T', "b\\s", "ÄÖ"]),
    st.dictionaries(st.integers(0, 959), st.tuples(numbers, numbers), min_size=1, max_size=20),
    min_size=1,
)


def text_of(market: dict[str, dict[int, tuple[str, str]]]) -> bytes:
    return "".join(
        f"{name},{volume},{price},{price},{price},{price},{(OPENS + 60_000 * minute) * 10**6},7\n"
        for name, held in market.items()
        for minute, (volume, price) in sorted(held.items())
    ).encode()


def expected(text: bytes, otc: frozenset[str], *, keep_otc: bool) -> list[object]:
    """The records of the bars that the file is decoded to."""
    steps = judge(gzip.compress(f"{HEADER}\n".encode() + text), SESSION, MINUTE, None)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            judged = end.value
            break
    found: list[object] = []
    for run in judged.runs(otc):
        if run is not None and (keep_otc or run.ticker not in otc):
            asked = Asked(run.ticker, SESSION, SESSION, MINUTE, adjusted=False)
            lines = bar_lines("stock_bars", run.bars, asked=asked, emitted_at_ms=1)
            found += map(orjson.loads, lines.data.splitlines())
    return found


@given(rows, st.sampled_from([frozenset(), frozenset({"A", 'Q"T'})]), st.booleans())
def test_the_records_are_those_of_the_decoded_bars(
    market: dict[str, dict[int, tuple[str, str]]],
    otc: frozenset[str],
    keep_otc: bool,  # noqa: FBT001 - drawn
) -> None:
    text = text_of(market)
    found = file_lines("stock_bars", text, SESSION, otc=otc, keep_otc=keep_otc, emitted_at_ms=1)
    assert found is not None
    records = [orjson.loads(line) for line in found.data.splitlines()]
    assert records == expected(text, otc, keep_otc=keep_otc)
    assert found.count == len(records)


def test_a_row_of_another_day_is_not_taken() -> None:
    text = text_of({"A": {0: ("1", "1")}}) + text_of({"B": {0: ("1", "1")}}).replace(b"B,", b"B,").replace(
        str(OPENS).encode(), str(OPENS + 86_400_000).encode()
    )
    assert file_lines("stock_bars", text, SESSION, otc=frozenset(), keep_otc=True, emitted_at_ms=1) is None
