"""What travels from the driver to an executor: plain values, without the key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql.datasource import InputPartition

from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.allowance_parts import Share, shares
from stockticker_async.sync.slices import SyncSlice


@dataclass(frozen=True)
class SlicePartition(InputPartition):
    """One slice of a read; ``some`` None: there is nothing to read."""

    some: SyncSlice | None
    share: Share | None = None
    seen: date | None = None
    """A session that is known to be published, where the driver has promised the days up to it."""


def partitions_of(
    slices: Sequence[SyncSlice], settings: Settings, *, spent: int, seen: date | None = None
) -> list[SlicePartition]:
    """Return a partition for each slice. ``spent`` are the calls that the driver has made just now."""
    parts = shares(settings, len(slices), spent=spent) if slices else []
    return [SlicePartition(one, part, seen) for one, part in zip(slices, parts, strict=True)]
