"""What a sync would ask of the API, without asking."""

from collections.abc import Sequence

from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.plan import describe
from stockticker_async.sync.prepare import Reading, families_of, forwards_of, is_adjusted
from stockticker_async.sync.readers.rows import describe_forward
from stockticker_async.sync.windows import Days, family_plan


def preview(job: SyncJob, readings: Sequence[Reading], days: Days, *, allowance: int | None) -> list[str]:
    """In a few lines, a stream or a family of streams each. Splits are not compared."""
    lines = [f"Days: up to {days.last} New York; {days.settled} is the last one that is finished."]
    for reading in readings:
        if reading.progress is not None:
            reading.progress.follow(None, today=days.today, settled=days.settled)
        reading.begin(days, job.end_date)
    for bar, family in families_of(readings):
        names = ", ".join(stream.sink.name for stream in family)
        calls = family_plan(job, bar, family, days, allowance=allowance)
        lines += [f"{names}: {text}" for text in describe(calls, allowance)]
    lines += [describe_forward(forward, job, days, allowance=allowance) for forward in forwards_of(readings)]
    if job.adjusted and any(is_adjusted(reading) for reading in readings):
        lines.append("Before these, the splits of all tickers are asked; changed ones add a call each.")
    return lines
