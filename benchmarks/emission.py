"""Fast stdout emission: the same RECORD messages to a pipe, four ways, as processes.

`python -m benchmarks.emission WAY COUNT` is one of the processes.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from benchmarks.processes import cost, interleaved, median_cpu
from benchmarks.report import Table
from benchmarks.size import Size

_AT = 1_700_000_000_000
_ROWS = 1_500
"""At once, where many are encoded at once."""


def run(size: Size) -> Iterator[Table]:
    ways = {
        "one `os.write` of bytes made before": "limit",
        "stockticker_async: queue and writer thread": "queue",
        "orjson, one message at a time": "orjson",
        "`print(json.dumps())`": "print",
    }
    program = [sys.executable, "-m", "benchmarks.emission"]
    contenders = {
        name: partial(cost, [*program, way, str(size.messages)], count=True) for name, way in ways.items()
    }
    costs = interleaved(contenders, size.runs)
    for name, found in costs.items():
        assert {one.lines for one in found} == {size.messages}, (name, found)
    idle = interleaved({name: partial(cost, [*program, way, "0"]) for name, way in ways.items()}, size.runs)
    each = {
        name: max(0.0, median_cpu(found) - median_cpu(idle[name])) / size.messages * 1e6
        for name, found in costs.items()
    }
    ours = each["stockticker_async: queue and writer thread"] or 1.0
    yield Table(
        "Emission to stdout",
        f"{size.messages:,} RECORD messages of `stock_prices` from dicts to a pipe: CPU of a message, "
        "start-up taken off.",
        ("way", "µs a message", "times ours"),
        [(name, f"{value:.2f}", f"{value / ours:.1f}") for name, value in each.items()],
    )


def _rows(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"date": "2020-12-15", "stock_ticker": "TSLA", "price": 633.25 + number % 100}


def _message(row: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RECORD", "record": {"stream": "stock_prices", "data": row, "emitted_at": _AT}}


def _print(count: int) -> None:
    for row in _rows(count):
        print(json.dumps(_message(row)))


def _orjson(count: int) -> None:
    out = sys.stdout.buffer
    for row in _rows(count):
        out.write(orjson.dumps(_message(row), option=orjson.OPT_APPEND_NEWLINE))
    out.flush()


def _limit(count: int) -> None:
    line = orjson.dumps(_message(next(_rows(1))), option=orjson.OPT_APPEND_NEWLINE)
    rest = memoryview(line * count)
    while rest:
        rest = rest[os.write(1, rest[: 1024 * 1024]) :]


def _queue(count: int) -> None:
    import anyio  # noqa: PLC0415 - the others do not need it

    from stockticker_async.connector import protocol  # noqa: PLC0415
    from stockticker_async.connector.output import open_output  # noqa: PLC0415

    async def emit() -> None:
        rows = list(_rows(count))
        async with open_output(1, on_closed=sys.exit) as output:
            for begin in range(0, count, _ROWS):
                chunk = rows[begin : begin + _ROWS]
                await output.put(protocol.records("stock_prices", chunk, emitted_at_ms=_AT))
            await output.drain()

    anyio.run(emit)


_WAYS: dict[str, Callable[[int], None]] = {
    "limit": _limit,
    "queue": _queue,
    "orjson": _orjson,
    "print": _print,
}

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    _WAYS[sys.argv[1]](int(sys.argv[2]))
