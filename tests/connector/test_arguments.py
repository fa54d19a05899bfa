"""argv to a command: what is understood, and what is said where it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async import __version__
from stockticker_async.connector.arguments import Printed, hide_values, parse
from stockticker_async.connector.log import MASK, Mask
from stockticker_async.errors import UsageError

READ = ["read", "--config", "c.json"]


def test_a_read_has_its_files_and_its_switches() -> None:
    found = parse([*READ, "--catalog", "k.json", "--state", "s.json", "--plan", "--debug", "--quiet"])
    assert (found.command, found.config, found.catalog, found.state) == ("read", "c.json", "k.json", "s.json")
    assert (found.plan, found.debug, found.quiet) == (True, True, True)
    assert (found.progress, found.streams) == (False, None)


@pytest.mark.parametrize("argv", [["--version"], ["spec", "--version"], [*READ, "--version"]])
def test_the_version_is_a_text_for_stdout(argv: list[str]) -> None:
    with pytest.raises(Printed, match=f"^source-stockticker-async {__version__}\n$"):
        parse(argv)


@pytest.mark.parametrize("command", ["spec", "check", "discover", "read", "catalog", "demo", "sandbox"])
def test_each_command_has_its_help(command: str) -> None:
    with pytest.raises(Printed, match=f"source-stockticker-async {command}"):
        parse([command, "--help"])


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "required: COMMAND"),
        (["sync"], "invalid choice: 'sync'"),
        (["check"], "required: --config"),
        (READ, "one of the arguments --catalog --streams is required"),
        ([*READ, "--catalog", "a", "--streams", "b"], "not allowed with"),
        (["check", "--confg", "c.json"], r"unrecognized arguments: --confg \(did you mean --config\?\)"),
        ([*READ, "--catalog", "k", "--sate", "s"], r"--sate s \(did you mean --state\?\)"),
    ],
)
def test_what_is_not_understood_is_told_with_the_usage(argv: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse(argv)
    assert caught.value.usage.startswith("usage: source-stockticker-async")


@given(st.text("abcdefghijklmnop0123456789", min_size=17, max_size=40))
def test_a_long_word_that_was_typed_is_shown_in_no_form(secret: str) -> None:
    for argument in (secret, f"--config={secret}", f"-k{secret}", f"--{secret}"):
        mask = Mask()
        hide_values(["check", argument], mask)
        assert mask(f"unrecognized arguments: {argument}") in (
            f"unrecognized arguments: {argument.replace(secret, MASK)}",
            f"unrecognized arguments: {MASK}",
        )


@given(st.text("abcdefghijklmnop0123456789-", max_size=16))
def test_a_short_word_stays_readable(word: str) -> None:
    mask = Mask()
    hide_values([word], mask)
    assert mask(word) == word
