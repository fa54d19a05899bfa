"""Record batches to one table."""

from collections.abc import Sequence

import pyarrow as pa

from stockticker_async.library.arrow_schemas import TICKER, schema_of
from stockticker_async.streams.table import Stream


def table_of(stream: Stream, batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """The batches in one, without a copy: its chunks are the batches."""
    return pa.Table.from_batches(batches, schema_of(stream)).unify_dictionaries()


def by_ticker(stream: Stream, table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Sorted by ticker, in the order of the ``names`` or of the alphabet, each ticker's rows by time."""
    import pyarrow.compute as pc  # noqa: PLC0415 - a twentieth of a second, and seldom needed

    ranks = _ranks(table[TICKER].combine_chunks(), names)
    keys = pa.table({"rank": ranks, "time": table[stream.cursor]})
    return table.take(pc.sort_indices(keys, [("rank", "ascending"), ("time", "ascending")]))


def _ranks(tickers: pa.DictionaryArray, names: Sequence[str]) -> pa.Array:
    """The place of each row's ticker among all."""
    known = tickers.dictionary.to_pylist()
    places = {name: place for place, name in enumerate(dict.fromkeys(names) if names else sorted(known))}
    return pa.array([places[name] for name in known], pa.int32()).take(tickers.indices)
