"""Record batches to one table."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from stockticker_async.library.arrow_schemas import TICKER, schema_of
from stockticker_async.streams.table import Bars, Stream


def table_of(stream: Stream, batches: Sequence[pa.RecordBatch], names: Sequence[str]) -> pa.Table:
    """The batches, which ascend for each ticker, in one piece.

    Bars come by ticker, in the order of the ``names`` (without any: of the alphabet), each ticker's by time;
    all else as it came.
    """
    table = pa.Table.from_batches(batches, schema_of(stream)).unify_dictionaries().combine_chunks()
    if not isinstance(stream.source, Bars) or not table.num_rows:
        return table
    ranks = _ranks(table[TICKER].combine_chunks(), names)
    if pc.all(pc.less_equal(ranks[:-1], ranks[1:])).as_py():
        return table
    keys = pa.table({"rank": ranks, "time": table[stream.cursor]})
    return table.take(pc.sort_indices(keys, [("rank", "ascending"), ("time", "ascending")]))


def _ranks(tickers: pa.DictionaryArray, names: Sequence[str]) -> pa.Array:
    """The place of each row's ticker among all."""
    known = tickers.dictionary.to_pylist()
    places = {name: place for place, name in enumerate(dict.fromkeys(names) if names else sorted(known))}
    return pa.array([places[name] for name in known], pa.int32()).take(tickers.indices)
