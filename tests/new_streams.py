"""What a stream of the table still lacks before it can be tested; docs/new-stream.md has the steps."""

from pathlib import Path

import stockticker_async
from stockticker_async.marketdata.listings import Listing
from stockticker_async.sandbox.endpoints.routes import routed
from stockticker_async.streams.table import STREAMS, Bars, Listed, Stream

_PACKAGE = Path(stockticker_async.__file__).parent
_FIXTURES = Path(__file__).parent / "fixtures"


def missing() -> str | None:
    """The first step that a stream lacks, in a sentence; None when all are there."""
    return next((told for stream in STREAMS if (told := _missing(stream)) is not None), None)


def _missing(stream: Stream) -> str | None:
    schema = f"schemas/{stream.name}.json"
    if not (_PACKAGE / schema).exists():
        return f"The stream {stream.name} has no schema: step 2, stockticker_async/{schema}."
    for path in _paths(stream):
        if routed(path.format(ticker="TSLA", session="2020-12-21")) is None:
            table = "stockticker_async/sandbox/endpoints/routes.py"
            return f"The sandbox has no route for {path} of the stream {stream.name}: step 3, {table}."
    fixture = f"{stream.name}.json"
    if not isinstance(stream.source, Bars) and not (_FIXTURES / fixture).exists():
        return f"The stream {stream.name} has no fixture: step 4, tests/fixtures/{fixture}."
    return None


def _paths(stream: Stream) -> list[str]:
    match stream.source:
        case Bars():
            return []
        case Listed(Listing(path, older=older)):
            return [path] if older is None else [path, older.path]
        case source:
            return [source.path]
