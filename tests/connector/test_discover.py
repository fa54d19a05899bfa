"""The streams that there are, as a message and as a table for a person."""

import pytest
from oracle import messages
from support import Recorder

from stockticker_async.clock import Clock
from stockticker_async.connector.catalog import offered
from stockticker_async.connector.command_context import CommandContext, Observer
from stockticker_async.connector.discover import discover, table
from stockticker_async.connector.log import Mask
from stockticker_async.streams.table import STREAMS, Stream

OFFERED = offered()


class Hears(Observer):
    """Keeps the names of a catalog."""

    names: tuple[str, ...] = ()

    def catalog(self, streams: object) -> None:
        assert isinstance(streams, list)
        self.names = tuple(stream["name"] for stream in streams)


async def test_all_streams_are_one_message_and_are_shown_to_whoever_watches() -> None:
    lines, hears = Recorder(), Hears()
    assert await discover(CommandContext(Clock(), lines, Mask(), observer=hears), OFFERED) == 0
    (message,) = messages(lines.stdout)
    names = [stream["name"] for stream in message["catalog"]["streams"]]
    assert names == [stream.name for stream in STREAMS] == list(hears.names)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_the_table_tells_keys_cursor_and_modes(stream: Stream) -> None:
    told = dict(table(OFFERED))[stream.name]
    assert told.startswith(f"key {', '.join(stream.primary_key)}; ")
    if stream.cursor:
        assert told.endswith(f"; cursor {stream.cursor}; full_refresh or incremental")
    else:
        assert told.endswith("; full_refresh")
        assert "cursor" not in told
