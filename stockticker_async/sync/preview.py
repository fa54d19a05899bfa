"""Describes the calls of a sync without making them."""

from collections.abc import Sequence

from stockticker_async.sync.call_plan import describe
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.prepare import PreparedStream, by_bar_size, is_adjusted, row_streams_of
from stockticker_async.sync.readers.rows import describe_row_stream
from stockticker_async.sync.windows import Days, shared_call_plan


def preview_lines(
    job: SyncJob, streams: Sequence[PreparedStream], days: Days, *, allowance: int | None
) -> list[str]:
    """Return one or more lines for each stream or group of bar streams. Splits are not compared."""
    lines = [f"Days: up to {days.last} New York; {days.settled} is the last one that is finished."]
    for stream in streams:
        if stream.cursors is not None:
            stream.cursors.follow(None, today=days.today, settled=days.settled)
        stream.begin(days, job.end_date)
    for bar, family in by_bar_size(streams).items():
        names = ", ".join(stream.sink.name for stream in family)
        call_plan = shared_call_plan(job, bar, family, days, allowance=allowance)
        lines += [f"{names}: {text}" for text in describe(call_plan, allowance)]
    lines += [
        describe_row_stream(row_stream, job, days, allowance=allowance)
        for row_stream in row_streams_of(streams)
    ]
    if job.adjusted and any(is_adjusted(stream) for stream in streams):
        lines.append("Before these, the splits of all tickers are asked; changed ones add a call each.")
    return lines
