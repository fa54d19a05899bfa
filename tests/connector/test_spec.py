"""`spec`: one message, which holds the form as it is in the package."""

from oracle import messages
from support import Recorder

from stockticker_async.clock import Clock
from stockticker_async.connector import resources
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import Mask
from stockticker_async.connector.spec import spec

SPECIFICATION = resources.load("spec.json")


async def test_the_form_is_one_message_unchanged() -> None:
    lines = Recorder()
    assert await spec(CommandContext(Clock(), lines, Mask()), SPECIFICATION) == 0
    (message,) = messages(lines.stdout)
    assert message == {"type": "SPEC", "spec": SPECIFICATION}


def test_the_key_is_the_only_secret_of_the_form() -> None:
    fields = SPECIFICATION["connectionSpecification"]["properties"]
    assert [name for name, field in fields.items() if field.get("airbyte_secret")] == ["api_key"]
