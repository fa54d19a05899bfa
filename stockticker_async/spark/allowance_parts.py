"""Divides the allowance among the partitions, so that their sum never exceeds it.

Any partitions may run in the same minute: some at once, and others right after them. So each partition has a
part of the allowance for itself, whether it runs or not. Nothing is coordinated while they run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stockticker_async.marketdata.limiter import PER_SECOND
from stockticker_async.marketdata.settings import Settings


@dataclass(frozen=True, slots=True)
class Share:
    """One partition's part of the allowance."""

    requests_per_minute: int | None
    max_concurrent_requests: int
    most_per_second: int
    spent: int = 0
    """Calls of the driver that count in the partition's first minute."""

    def of(self, settings: Settings, *, again: bool) -> Settings:
        """Return the settings of the partition.

        ``again``: an earlier attempt may have used up the first minute.
        """
        per_minute = self.requests_per_minute
        return replace(
            settings,
            requests_per_minute=per_minute,
            max_concurrent_requests=self.max_concurrent_requests,
            most_per_second=self.most_per_second,
            spent=per_minute if again and per_minute is not None else self.spent,
        )


def most_partitions(settings: Settings, wanted: int) -> int:
    """Return how many partitions can each have a part: at most as many as there are calls to divide."""
    most = min(wanted, settings.max_concurrent_requests, PER_SECOND)
    return most if settings.requests_per_minute is None else min(most, settings.requests_per_minute)


def shares(settings: Settings, count: int, *, spent: int) -> list[Share]:
    """Return ``count`` parts, at most `most_partitions`. Their sums are exactly the numbers of the settings.

    ``spent`` are the calls that the driver has made just now.
    """
    per_minute = settings.requests_per_minute
    minutes = [None] * count if per_minute is None else _parts(per_minute, count)
    at_once = _parts(settings.max_concurrent_requests, count)
    seconds = _parts(PER_SECOND, count)
    found = []
    for minute, most, second in zip(minutes, at_once, seconds, strict=True):
        paid = 0 if minute is None else min(minute, spent)
        spent -= paid
        found.append(Share(minute, most, second, paid))
    return found


def most_calling(settings: Settings, *, at_once_is_set: bool) -> int | None:
    """Return how many slices with flat files may make calls; None: any number.

    What is set is never exceeded. Where nothing is set, a session's file is a slice: its one call is made
    beside those of other tasks.
    """
    if settings.requests_per_minute is None and not at_once_is_set:
        return None
    return most_partitions(settings, PER_SECOND)


def shares_with_files(settings: Settings, has_files: Sequence[bool], *, spent: int) -> list[Share]:
    """Return a part for each slice that makes calls; of each, whether it has flat files.

    As `shares`. Where there are more slices than calls to divide, nothing is set (`most_calling`): then a
    slice with files makes one call at a time, and the others divide the rest.
    """
    if not has_files:
        return []
    if len(has_files) <= most_partitions(settings, len(has_files)):
        return shares(settings, len(has_files), spent=spent)
    others = has_files.count(False)
    parts = iter(shares(settings, others, spent=spent) if others else ())
    return [Share(None, 1, 1) if files else next(parts) for files in has_files]


def _parts(number: int, count: int) -> list[int]:
    each, more = divmod(number, count)
    return [each + (place < more) for place in range(count)]
