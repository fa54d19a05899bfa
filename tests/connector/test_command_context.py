"""What an operation is handed of the world: errors told once, without secrets, and remembered."""

import pytest
from oracle import messages
from support import Recorder

from stockticker_async.clock import Clock
from stockticker_async.connector.command_context import CommandContext, Observer
from stockticker_async.connector.log import MASK, Mask
from stockticker_async.errors import ConfigError, ConnectorError, TransientError, UnforeseenError

KEY = "0123456789abcdef0123456789abcdef"


def shell() -> tuple[CommandContext, Recorder]:
    mask, lines = Mask(), Recorder()
    mask.add(KEY)
    return CommandContext(Clock(), lines, mask), lines


@pytest.mark.parametrize("kind", [ConnectorError, ConfigError, TransientError])
@pytest.mark.parametrize("stream", [None, "stock_prices"])
async def test_an_error_is_one_trace_without_secrets(kind: type[ConnectorError], stream: str | None) -> None:
    told, lines = shell()
    await told.report_error(kind(f"The key {KEY} is wrong.", detail=f"said {KEY}"), stream=stream)
    (message,) = messages(lines.stdout)
    error = message["trace"]["error"]
    assert error["message"] == f"The key {MASK} is wrong."
    assert (error["internal_message"], error["failure_type"]) == (f"said {MASK}", kind.failure_type)
    assert error.get("stream_descriptor", {}).get("name") == stream
    assert told.observer.last_error == error["message"]
    assert KEY.encode() not in lines.stdout


async def test_only_what_is_unforeseen_has_a_stack_trace() -> None:
    told, lines = shell()
    await told.report_error(UnforeseenError(ValueError(f"with {KEY}")))
    await told.report_error(ConfigError("mend it"))
    unforeseen, config = (message["trace"]["error"] for message in messages(lines.stdout))
    assert "ValueError" in unforeseen["stack_trace"]
    assert "stack_trace" not in config
    assert KEY.encode() not in lines.stdout


def test_an_observer_remembers_the_last_error_and_how_many_states_there_were() -> None:
    observer = Observer()
    for text in ("first", "last"):
        observer.error(text, None)
        observer.state("stock_prices")
    observer.records("stock_prices", 5)
    observer.status("stock_prices", "COMPLETE")
    assert (observer.last_error, observer.states) == ("last", 2)
