"""Parses argv to a command, or to the text to print: `--help`, `--version`, the usage."""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from stockticker_async import __version__
from stockticker_async.connector.log import Mask
from stockticker_async.errors import UsageError

_SHOWN_CHARS = 16
"""A longer argument is masked in usage errors: it may be an API key, which has 32 characters."""


_BRACKETS = str.maketrans("[]()|", "     ")  # in a usage text


class _Formatter(argparse.HelpFormatter):
    """Sets the width: argparse would import `shutil` for each option, a tenth of the time of `spec`."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _Parser(argparse.ArgumentParser):
    """Raises an error instead of printing and exiting: all text goes through the output."""

    def __init__(self, **how: Any) -> None:
        super().__init__(formatter_class=_Formatter, **how)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, usage=self.format_usage())

    def print_help(self, file: object = None) -> NoReturn:  # noqa: ARG002 - argparse's own signature
        raise Printed(self.format_help())


class Printed(Exception):  # noqa: N818 - not an error: the user asked for a text
    """The user asked for a text only: ``str()`` is that text."""


class _Version(argparse.Action):
    """The option `--version`, which has no value."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, *_: object) -> NoReturn:
        raise Printed(f"source-stockticker-async {__version__}\n")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the command and its options.

    Raises `Printed` for `--help` and `--version`, and `UsageError` with the usage of the command.
    """
    parser = _parser(argv)
    try:
        args, unknown = parser.parse_known_args(argv)
    except UsageError as error:
        # an unknown option is probably a misspelling of the missing one
        unknown = list(_unknown_options(argv, error.usage or ""))
        if not unknown:
            raise
        raise UsageError(_unrecognized(unknown, error.usage or ""), usage=error.usage) from None
    if unknown:  # with the usage of the command, not of the program
        args.parser.error(_unrecognized(unknown, args.parser.format_usage()))
    return args


def _options(usage: str) -> list[str]:
    return [word for word in usage.translate(_BRACKETS).split() if word.startswith("--")]


def _unknown_options(argv: Sequence[str], usage: str) -> Iterator[str]:
    """Yield the long options in argv that are neither options of the usage nor abbreviations of them."""
    known = [*_options(usage), "--help"]
    for argument in argv:
        option = argument.partition("=")[0]
        if (
            option.startswith("--")
            and len(option) > len("--")
            and not any(k.startswith(option) for k in known)
        ):
            yield option


def _unrecognized(unknown: Sequence[str], usage: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - hardly ever needed

    known = _options(usage)
    near = [one for word in unknown for one in get_close_matches(word.partition("=")[0], known, n=1)]
    hint = f" (did you mean {', '.join(dict.fromkeys(near))}?)" if near else ""
    return f"unrecognized arguments: {' '.join(unknown)}{hint}"


def hide_values(argv: Sequence[str], mask: Mask) -> None:
    """Mask the arguments that are longer than `_SHOWN_CHARS`."""
    for argument in argv:
        if argument.startswith("--"):
            option, _, value = argument[2:].partition("=")
        elif argument.startswith("-"):
            option, value = "", argument[2:]
        else:
            option, value = "", argument
        for typed in (option, value):
            if len(typed) > _SHOWN_CHARS:
                mask.add(typed)


def _columns() -> int:
    """Return the width of the terminal in columns; 80 if stdout is not a terminal."""
    width = os.environ.get("COLUMNS", "")
    if width.isdecimal() and int(width):
        return int(width)
    with suppress(OSError):
        return os.get_terminal_size(1).columns or 80
    return 80


def _parser(argv: Sequence[str]) -> _Parser:
    parser = _Parser(
        prog="source-stockticker-async",
        description="US stock prices from the API of Massive (formerly Polygon.io), as Airbyte messages.",
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        command.add_argument("--debug", action="store_true", help="log every call to the API")
        command.add_argument("--version", action=_Version)
        command.set_defaults(parser=command)
        return command

    add("spec", "print the specification of the configuration")
    config_help = "the configuration, a JSON file"
    check = add("check", "test the key, the plan and every ticker")
    check.add_argument("--config", required=True, metavar="FILE", help=config_help)
    check.add_argument(
        "--exit-code", action="store_true", help="exit 1 if the check FAILED, for shells (Airbyte expects 0)"
    )
    add("discover", "print the available streams").add_argument(
        "--config", required=True, metavar="FILE", help=config_help
    )
    read = add("read", "sync the streams of a configured catalog")
    read.add_argument("--config", required=True, metavar="FILE", help=config_help)
    chosen = read.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--catalog", metavar="FILE", help="a configured catalog")
    chosen.add_argument(
        "--streams", metavar="A,B", help="streams to read incrementally, instead of a catalog"
    )
    read.add_argument(
        "--state",
        metavar="FILE",
        help="where to continue: a state, or the output of an earlier read (a missing file: a first run)",
    )
    read.add_argument(
        "--plan", action="store_true", help="print the calls that a read would make, and make none"
    )
    for command in (check, read):
        shown = command.add_mutually_exclusive_group()
        shown.add_argument("--quiet", action="store_true", help="show nothing on a terminal's stderr")
        shown.add_argument(
            "--progress", action="store_true", help="show progress and warnings on stderr in plain lines"
        )
        command.add_argument("--no-color", action="store_true", help="show no colors, as with NO_COLOR set")
    configured = add("catalog", "print a configured catalog to start from")
    configured.add_argument("streams", nargs="*", metavar="STREAM", help="the streams (default: the bars)")
    configured.add_argument("--incremental", action="store_true", help="continue where the last sync ended")
    demo = add("demo", "run the whole main job against the sandbox: no key, no network")
    demo.add_argument("tickers", nargs="*", metavar="TICKER", help="the tickers to read (default: TSLA AAPL)")
    sandbox = add("sandbox", "serve an imitation of the API on this machine")
    if "sandbox" in argv[:1]:
        from stockticker_async.sandbox.command import add_arguments  # noqa: PLC0415 - for this command only

        add_arguments(sandbox)
    return parser
