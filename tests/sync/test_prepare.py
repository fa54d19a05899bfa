"""Where a sync begins: its days, and each stream with what its state says."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept import BY_NAME, Kept

from stockticker_async.clock import Clock
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.streams.table import STREAMS, Bars, Stream
from stockticker_async.sync.job import SelectedStream, SyncJob
from stockticker_async.sync.prepare import (
    PreparedStream,
    bar_streams_of,
    by_bar_size,
    days_of,
    is_adjusted,
    prepare,
    row_streams_of,
)
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.windows import BarStream, Days

DAYS = Days(last=date(2020, 12, 22), settled=date(2020, 12, 21), today=date(2020, 12, 22))
MOMENTS = st.datetimes(datetime(2004, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - aware


def reading(stream: Stream, blob: Any = None, *, incremental: bool = True, **job: Any) -> PreparedStream:
    return prepare(Kept, SyncJob(("TSLA",), **job), SelectedStream(stream, incremental), blob, DAYS)


@given(MOMENTS, st.none() | st.integers(-20, 20))
def test_no_sync_asks_after_its_end_and_none_calls_a_day_settled_that_is_not_over(
    now: datetime, later: int | None
) -> None:
    end = None if later is None else now.date() + timedelta(days=later)
    days = days_of(Clock(start=now, speed=0.001), SyncJob(("TSLA",), end_date=end))
    assert days.settled == days.today - timedelta(days=1)
    assert days.last <= days.today
    if end is None:
        assert days.last in (days.today, days.settled)
    else:
        assert days.last <= end


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
@pytest.mark.parametrize("incremental", [True, False])
def test_a_stream_has_progress_exactly_where_it_has_a_cursor(
    stream: Stream,
    incremental: bool,  # noqa: FBT001 - a case
) -> None:
    found = reading(stream, incremental=incremental)
    assert (found.cursors is not None) is bool(stream.cursor)
    assert isinstance(found, BarStream if isinstance(stream.source, Bars) else RowStream)
    assert found.sink.name == stream.name
    assert is_adjusted(found) is (isinstance(stream.source, Bars) or stream.name == "open_close")


def test_a_full_refresh_reads_no_session_again() -> None:
    prices, splits = BY_NAME["stock_prices"], BY_NAME["splits"]
    lookbacks = []
    for incremental in (True, False):
        bars, rows = reading(prices, incremental=incremental), reading(splits, incremental=incremental)
        assert isinstance(bars, BarStream)
        assert isinstance(rows, RowStream)
        lookbacks.append((bars.lookback, rows.lookback_days))
    assert lookbacks == [(1, 365), (0, 0)]


def test_without_a_start_date_reading_begins_a_week_ago() -> None:
    progress = reading(BY_NAME["stock_prices"]).cursors
    assert progress is not None
    assert {entry.since for entry in progress.start.entries.values()} == {date(2020, 12, 15)}


def test_an_end_before_the_first_day_is_the_users_to_mend() -> None:
    with pytest.raises(ConfigError, match="end_date 2020-12-01 is before the first day to read, 2020-12-15"):
        reading(BY_NAME["stock_prices"], end_date=date(2020, 12, 1))


def test_streams_of_the_same_bars_are_one_family_and_all_others_are_forwarded() -> None:
    for bar, sizes in ((ONE_DAY, [ONE_DAY]), (BarSize(5, "minute"), [ONE_DAY, BarSize(5, "minute")])):
        readings = [reading(stream, bar=bar) for stream in STREAMS]
        families = by_bar_size(readings)
        assert list(families) == sizes
        assert [one for family in families.values() for one in family] == bar_streams_of(readings)
        assert [*bar_streams_of(readings), *row_streams_of(readings)] == readings
