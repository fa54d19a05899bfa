"""What travels from the driver to an executor: plain values, without the key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql.datasource import InputPartition

from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.allowance_parts import Share, shares_with_files
from stockticker_async.sync.slices import SyncSlice


@dataclass(frozen=True)
class SlicePartition(InputPartition):
    """One slice of a read; ``some`` None: there is nothing to read."""

    some: SyncSlice | None
    share: Share | None = None
    """None: reading the slice makes no call of the API."""
    seen: date | None = None
    """A session that is known to be published, where the driver has promised the days up to it."""


def partitions_of(
    slices: Sequence[SyncSlice], settings: Settings, *, spent: int, seen: date | None = None
) -> list[SlicePartition]:
    """Return a partition for each slice. ``spent`` are the calls that the driver has made just now."""
    has_files = [bool(one.files) for one in slices if one.makes_calls]
    parts = iter(shares_with_files(settings, has_files, spent=spent))
    return [SlicePartition(one, next(parts) if one.makes_calls else None, seen) for one in slices]
