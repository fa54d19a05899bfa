"""A configured catalog to start from: a file that `read` takes as it is."""

import orjson
import pytest
from support import Recorder

from stockticker_async.clock import Clock
from stockticker_async.connector.catalog import configured, parse
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.configured_catalog import catalog
from stockticker_async.connector.log import Mask
from stockticker_async.streams.table import STREAMS

ALL = [stream.name for stream in STREAMS]
CATALOGS = {
    (names, incremental): configured(names, incremental=incremental)
    for names in ((), ("splits",), tuple(ALL))
    for incremental in (False, True)
}


@pytest.mark.parametrize(("names", "incremental"), CATALOGS, ids=str)
async def test_what_is_printed_is_a_catalog_of_the_streams_named(
    names: tuple[str, ...],
    incremental: bool,  # noqa: FBT001 - a case
) -> None:
    lines = Recorder()
    assert await catalog(CommandContext(Clock(), lines, Mask()), CATALOGS[names, incremental]) == 0
    selected = parse(orjson.loads(lines.stdout))
    assert tuple(one.stream.name for one in selected) == (names or ("stock_prices", "stock_bars"))
    assert all(one.incremental is (incremental and bool(one.stream.cursor)) for one in selected)
    assert lines.stdout.endswith(b"}\n")
    assert lines.stdout.count(b"\n") > 10, "a person is to edit it"
