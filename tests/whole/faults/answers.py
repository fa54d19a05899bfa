"""Answers of the API that are no bars, and changes of a page: the parts of faults."""

from collections.abc import Callable
from typing import Any

import orjson
from faults.ending import BARS_OF_SICK

from stockticker_async.sandbox.service.faults import Fault

HTML = "<html><body><h1>Bad Gateway</h1></body></html>"
OUTAGE = r"http://127\.0\.0\.1:\d+ gave no usable answer for 900 s: the API answered"
NOT_ENTITLED = {"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}
TIMEFRAME = {"status": "NOT_AUTHORIZED", "message": "Your plan doesn't include this data timeframe."}
TOO_EARLY = {"message": "Attempted to request today's data before end of day."}


def struck(times: int | None, how: dict[str, Any]) -> tuple[Fault, ...]:
    """A fault of the answers for one of the tickers, so often; what does not decode is asked three times."""
    return (Fault(**{"match": BARS_OF_SICK, "times": times, **how}),)


def status(number: int, said: dict[str, Any] | str, **fields: Any) -> dict[str, Any]:
    body = said if isinstance(said, str) else orjson.dumps(said)
    return {"kind": "status", "status": number, "body": body, **fields}


def page(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """A page after a change of it; bytes that the change gives stand in its place."""

    def changed(data: bytes) -> bytes:
        found = orjson.loads(data)
        made = change(found)
        return made if isinstance(made, bytes) else orjson.dumps(found)

    return {"kind": "body", "body": changed}
