"""Changes of files: each does what its name says; listings, heads and gets agree on them."""

import gzip
import zlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path

import pytest
from sandbox.s3_asker import DAY_FILE, opened_bucket, texts

from stockticker_async.sandbox.bucket.file_changes import CHANGES, Applied, Change, Table, changed_rows
from stockticker_async.sandbox.data.flat_rows import tables
from stockticker_async.sandbox.data.simulated_market import Market
from stockticker_async.sandbox.service.faults import Fault

Lines = list[list[str]]
HEADER = ["ticker", "volume", "open", "close", "high", "low", "window_start", "transactions"]
DAY_NS = 86_400_000_000_000
NO_GZIP = ("no_bytes", "truncated", "wrong_crc", "broken", "no_gzip")


@pytest.fixture(scope="module")
def before() -> Lines:
    """The head and the minutes of ten tickers."""
    market = Market(1, 60, (), lambda: date(2020, 12, 22))
    texts_of_ten = islice(tables(market, "minute", date(2020, 12, 21).toordinal()), 10)
    return [HEADER, *(line.split(",") for line in "".join(texts_of_ten).splitlines())]


def changed(before: Lines, change: Change, column: str = "close") -> Lines:
    table = Table(list(before[0]), [list(row) for row in before[1:]])
    changed_rows(table, Applied(change, 0.0, column))
    return [table.header, *table.rows]


def differing(before: Lines, after: Lines) -> list[tuple[int, int, str]]:
    """(row, column, new text) of each cell that differs."""
    return [
        (at, column, new)
        for at, (old_row, new_row) in enumerate(zip(before, after, strict=True))
        for column, (old, new) in enumerate(zip(old_row, new_row, strict=True))
        if old != new
    ]


def runs(rows: Lines) -> list[str]:
    """The tickers, one for each run of rows."""
    names = [row[0] for row in rows]
    return [name for at, name in enumerate(names) if not at or names[at - 1] != name]


def one_cell(column: int, right: Callable[[str], bool]) -> Callable[[Lines, Lines], bool]:
    def changes_one(before: Lines, after: Lines) -> bool:
        ((_, where, text),) = differing(before, after)
        return where == column and right(text)

    return changes_one


def descending(before: Lines, after: Lines) -> bool:
    moved = sorted({at for at, _, _ in differing(before, after)})
    span = slice(moved[0], moved[-1] + 1)
    return len({row[0] for row in after[span]}) == 1 and after[span] == before[span][::-1]


def with_repetition(before: Lines, after: Lines) -> bool:
    at = next(at for at in range(1, len(after)) if after[at] == after[at - 1])
    return after[:at] + after[at + 1 :] == before


def with_other_day(before: Lines, after: Lines) -> bool:
    moved = [[*row[:6], str(int(row[6]) + DAY_NS), row[7]] for row in before[1:4]]
    return after == before + moved


def corrected(before: Lines, after: Lines) -> bool:
    (volume, close) = differing(before, after)
    row = after[close[0]]
    return (volume[1], close[1]) == (1, 3) and float(row[5]) <= float(row[3]) <= float(row[4])


def inverted(before: Lines, after: Lines) -> bool:
    row = after[differing(before, after)[0][0]]
    return {cell[:2] for cell in differing(before, after)} <= {
        (after.index(row), 4),
        (after.index(row), 5),
    } and (float(row[5]) > float(row[4]))


def shortened(before: Lines, after: Lines) -> bool:
    pairs = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    return [new for _, new in pairs] == [old[:-1] for old, _ in pairs] and len(pairs) == 1


def without_tail(before: Lines, after: Lines) -> bool:
    count = {name: sum(row[0] == name for row in before) for name in runs(before[1:])}
    left = {name: sum(row[0] == name for row in after) for name in count}
    lost = {name: count[name] - left[name] for name in count if count[name] != left[name]}
    whole = [name for name in count if name not in lost]
    return len(lost) == -(-len(count) // 5) and max(lost.values()) == 5 and len(whole) > 0


ROWS: dict[Change, Callable[[Lines, Lines], bool]] = {
    "corrected": corrected,
    "touched": lambda before, after: before == after,
    "other_day": with_other_day,
    "before_the_epoch": one_cell(6, lambda text: text == "-68400000000000"),
    "fractional_volume": lambda before, after: all(row[1].endswith(".25") for row in after[1:])
    and [int(float(row[1])) for row in after[1:]] == [int(row[1]) for row in before[1:]],
    "quoted": lambda before, after: after[1:] == [[f'"{row[0]}"', *row[1:]] for row in before[1:]],
    "odd_tickers": lambda before, after: after[:-3] == before and runs(after)[-3:] == ["NA", "NULL", "NAN"],
    "unordered": descending,
    "repeated_row": with_repetition,
    "scattered_ticker": lambda before, after: sorted(after) == sorted(before)
    and len(runs(after)) == len(runs(before)) + 1,
    "no_price": one_cell(3, lambda text: text == ""),
    "no_number": one_cell(3, lambda text: text == "n/a"),
    "negative_price": one_cell(5, lambda text: text == "-1"),
    "inverted_range": inverted,
    "short_row": shortened,
    "columns_moved": lambda before, after: after == [row[::-1] for row in before],
    "extra_column": lambda before, after: after[0] == [*HEADER[:2], "vwap", *HEADER[2:]]
    and [[*row[:2], *row[3:]] for row in after] == before,
    "missing_column": lambda before, after: after == [[*row[:3], *row[4:]] for row in before],
    "no_header": lambda before, after: after == before[1:],
    "no_rows": lambda before, after: after == before[:1] == [HEADER],
    "empty_tail": without_tail,
    "fewer_tickers": lambda before, after: after == before[: len(after)]
    and len(runs(after)) == 1 + (len(runs(before))) // 2,
}  # fmt: skip


@pytest.mark.parametrize("change", ROWS)
def test_a_change_of_rows_is_what_its_name_says(before: Lines, change: Change) -> None:
    assert ROWS[change](before, changed(before, change))


def test_another_column_can_be_missing(before: Lines) -> None:
    assert changed(before, "missing_column", "window_start")[0] == [*HEADER[:6], "transactions"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("no_bytes", ""),
        ("truncated", "end-of-stream"),
        ("wrong_crc", "CRC check failed"),
        ("broken", "."),  # what it is taken for depends on the bytes
        ("no_gzip", "Not a gzipped file"),
    ],
)
async def test_a_change_of_bytes_is_no_gzip(change: Change, text: str) -> None:
    async with opened_bucket() as s3:
        s3.asker.sandbox.faults.add(Fault(kind="file", match=DAY_FILE, change=change))
        reply = await s3.get(DAY_FILE)
        assert reply.status == 200
        if change == "no_bytes":
            assert reply.body == b""
            return
        with pytest.raises((EOFError, gzip.BadGzipFile, zlib.error), match=text):
            gzip.decompress(reply.body)


def test_every_change_is_tested() -> None:
    assert {*ROWS, *NO_GZIP, "missing", "late"} == set(CHANGES)


def test_every_change_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/architecture.md").read_text()
    assert [change for change in CHANGES if f"`{change}`" not in page] == []


@pytest.mark.parametrize("change", [*ROWS, *NO_GZIP])
async def test_a_changed_file_is_published_anew(change: Change) -> None:
    async with opened_bucket() as s3:
        before = await s3.get(DAY_FILE)
        s3.asker.sandbox.clock.advance(3600)
        s3.asker.sandbox.faults.add(Fault(kind="file", match=DAY_FILE, change=change))
        s3.asker.sandbox.clock.advance(3600)
        after, head = await s3.get(DAY_FILE), await s3.get(DAY_FILE, method="HEAD")
        listing = await s3.listing(prefix=DAY_FILE)
        assert after.headers["ETag"] != before.headers["ETag"]
        assert (await s3.get(DAY_FILE, if_match=before.headers["ETag"])).status == 412
        moment = parsedate_to_datetime(after.headers["Last-Modified"])
        assert moment == s3.asker.sandbox.clock.now().replace(microsecond=0) - timedelta(hours=1)
        assert head.headers["ETag"] == after.headers["ETag"] == texts(listing, "Contents", "ETag")[0]
        assert texts(listing, "Contents", "Size")[0] == str(len(after.body)) == head.headers["Content-Length"]
        assert datetime.fromisoformat(texts(listing, "Contents", "LastModified")[0]) == moment
        s3.asker.sandbox.faults.clear()
        again = await s3.get(DAY_FILE)
        assert (again.body, again.headers["ETag"]) == (before.body, before.headers["ETag"])


async def test_changes_add_up() -> None:
    async with opened_bucket() as s3:
        for change in ("repeated_row", "columns_moved"):
            s3.asker.sandbox.faults.add(Fault.parsed({"kind": "file", "match": DAY_FILE, "change": change}))
        lines = await s3.lines(DAY_FILE)
        assert lines[0] == ",".join(HEADER[::-1])
        assert len(lines) == len(set(lines)) + 1


async def test_a_change_leaves_other_files_alone() -> None:
    async with opened_bucket() as s3:
        other = DAY_FILE.replace("-21", "-18")
        before = await s3.get(other)
        s3.asker.sandbox.faults.add(Fault(kind="file", match=DAY_FILE, change="no_rows"))
        after = await s3.get(other)
        assert (after.body, after.headers["ETag"]) == (before.body, before.headers["ETag"])
