"""The command line and its files, as an operation for the runner.

Files are read and validated here, before the event loop runs. Each command imports its own modules, so that
`spec` does not pay for the imports of the other commands.
"""

import argparse
import errno
import gc
import os
import shlex
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from stockticker_async.clock import Clock
from stockticker_async.connector import files
from stockticker_async.connector.arguments import Printed, hide_values, parse
from stockticker_async.connector.command_context import CommandContext, Watcher
from stockticker_async.connector.log import Mask
from stockticker_async.connector.runner import Operation, failing, prepared, run
from stockticker_async.connector.stderr import say
from stockticker_async.errors import ConfigError, UsageError

_USAGE_EXIT = 2  # as argparse and other command-line tools


def main(argv: Sequence[str], clock: Clock | None = None) -> int:
    """Run the program and return its exit code."""
    if not _is_open(1):
        say("stdout is closed: there is nowhere to write to.\n")
        return 1
    _hold_the_first_descriptors()
    clock = clock or Clock()
    mask = Mask()
    try:
        args = parse(argv)
    except Printed as printed:
        return run(_printing(str(printed)), clock=clock, mask=mask)
    except UsageError as error:
        hide_values(argv, mask)
        say(f"{error.usage}{mask(error.message)}\n")
        run(failing(error), clock=clock, mask=mask, silent=True)
        return _USAGE_EXIT
    operation = prepared(partial(_operation, args, clock, mask))
    _spare_the_collector()
    go_on = _how_to_go_on() if args.command == "read" and not (args.quiet or args.plan) else ""
    return run(operation, clock=clock, mask=mask, debug=args.debug, watch=_watcher(args, clock), go_on=go_on)


def _watcher(args: argparse.Namespace, clock: Clock) -> Watcher | None:
    """Return the progress display for a person at a terminal; None where no display is wanted."""
    if args.command not in ("check", "discover", "read") or sys.stderr is None:
        return None
    asked = args.command != "discover" and args.progress
    if not asked and (not sys.stderr.isatty() or (args.command != "discover" and args.quiet)):
        return None
    if args.command == "discover" and not os.isatty(1):
        return None  # the line goes to a program
    from stockticker_async.connector import terminal  # noqa: PLC0415

    shown = terminal.look(table=args.command != "read" or args.plan, asked=asked)
    color = args.command != "discover" and not args.no_color
    return None if shown is None else terminal.watched(shown, color=color, clock=clock)


def _how_to_go_on() -> str:
    """Return the sentence for a person whose sync was ended by a signal."""
    name = ""
    with suppress(OSError):  # as where there is no /proc
        if stat.S_ISREG(os.fstat(1).st_mode):
            name = str(Path("/proc/self/fd/1").readlink())
    where = shlex.quote(name) if name and name.isprintable() else "and the output of this run"
    return f"Stopped before the end. Go on with --state {where}."


def _hold_the_first_descriptors() -> None:
    """Open /dev/null in place of a closed stdin or stderr, so that no socket gets the descriptor 0 or 2."""
    for descriptor in (0, 2):
        if not _is_open(descriptor):
            with suppress(OSError):  # as where there is no /dev
                os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def _spare_the_collector() -> None:
    """Make the garbage collector run less often: pages are many objects without cycles.

    Half a million bars took a fifth less CPU. Imported modules are never collected; cycles still are.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    gc.enable()  # `__main__` disables it during the imports


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _printing(text: str) -> Operation:
    async def put(context: CommandContext) -> int:
        await context.output.put(text.encode())
        return 0

    return put


def _operation(args: argparse.Namespace, clock: Clock, mask: Mask) -> Operation:
    """Return the operation of the command. Raises `ConnectorError` for faults in its files."""
    match args.command:
        case "spec":
            return _spec()
        case "check":
            return _check(args, mask)
        case "discover":
            return _discover(args, mask)
        case "read":
            return _read(args, clock, mask)
        case "catalog":
            return _catalog(args)
        case "demo":
            return _demo(args)
        case _:
            return _sandbox(args)


def _spec() -> Operation:
    from stockticker_async.connector import resources  # noqa: PLC0415
    from stockticker_async.connector.spec import spec  # noqa: PLC0415

    specification = resources.load("spec.json")
    return lambda context: spec(context, specification)


def _check(args: argparse.Namespace, mask: Mask) -> Operation:
    from stockticker_async.connector.check import check  # noqa: PLC0415

    raw, key_from = _read_config(args.config, mask)
    return lambda context: check(context, raw, failed_code=int(args.exit_code), key_from=key_from)


def _discover(args: argparse.Namespace, mask: Mask) -> Operation:
    from stockticker_async.connector import catalog  # noqa: PLC0415
    from stockticker_async.connector.discover import discover  # noqa: PLC0415

    _read_config(args.config, mask)
    streams = catalog.offered()
    return lambda context: discover(context, streams)


def _read(args: argparse.Namespace, clock: Clock, mask: Mask) -> Operation:
    from stockticker_async.connector import catalog, config  # noqa: PLC0415
    from stockticker_async.connector.read import preview, read  # noqa: PLC0415
    from stockticker_async.marketdata import calendar  # noqa: PLC0415

    if os.environ.get("DATA_CHANNEL_MEDIUM", "STDIO").upper() == "SOCKET":
        raise ConfigError(
            "DATA_CHANNEL_MEDIUM=SOCKET is not supported: this source writes to stdout. Set it to STDIO."
        )
    raw, key_from = _read_config(args.config, mask)
    today = calendar.new_york_date(clock.utc_now())
    parsed = config.parse(raw, today=today, key_from=key_from)
    if args.catalog:
        chosen = _read_json(args.catalog, "catalog")
        if isinstance(chosen, dict) and "stock_ticker" in chosen:
            raise ConfigError(
                f"The catalog file {args.catalog} is a configuration: are --config and --catalog swapped?"
            )
    else:
        names = [name for part in args.streams.split(",") if (name := part.strip())]
        chosen = catalog.configured(names, incremental=True)
    selected = catalog.parse(chosen)
    states, state_warnings = _read_state(args.state) if args.state else ({}, ())
    parsed = replace(parsed, warnings=(*parsed.warnings, *state_warnings))
    operate = preview if args.plan else read
    return lambda context: operate(context, parsed, selected, states)


def _catalog(args: argparse.Namespace) -> Operation:
    from stockticker_async.connector.catalog import configured  # noqa: PLC0415
    from stockticker_async.connector.configured_catalog import catalog  # noqa: PLC0415

    made = configured(args.streams, incremental=args.incremental)
    return lambda context: catalog(context, made)


def _demo(args: argparse.Namespace) -> Operation:
    from stockticker_async.connector import catalog, resources  # noqa: PLC0415
    from stockticker_async.connector.demo import demo  # noqa: PLC0415

    specification, streams = resources.load("spec.json"), catalog.offered()
    selected = catalog.parse(catalog.configured(incremental=True))
    return lambda context: demo(context, specification, streams, selected, args.tickers)


def _sandbox(args: argparse.Namespace) -> Operation:
    from stockticker_async.sandbox.command import run as serve  # noqa: PLC0415

    async def listen(_: CommandContext) -> int:
        try:
            return await serve(args)
        except OSError as error:
            reason = os.strerror(error.errno or errno.EIO)
            raise ConfigError(
                f"The sandbox cannot listen on {args.host}:{args.port}: {reason}. Give another --port."
            ) from error

    return listen


def _read_config(path: str, mask: Mask) -> tuple[Any, str]:
    """Return the configuration, and the environment variable of the key (empty if the file has the key).

    A key from the environment is used if the configuration has none. The key is masked from here on.
    """
    raw = _read_json(path, "config")
    if not isinstance(raw, dict):
        return raw, ""
    if "streams" in raw and "stock_ticker" not in raw:
        raise ConfigError(f"The config file {path} is a catalog: are --config and --catalog swapped?")
    key, key_from = raw.get("api_key"), ""
    if key is None or (isinstance(key, str) and not key.strip()):
        from stockticker_async.connector.config import KEY_VARIABLES  # noqa: PLC0415

        key_from = next((name for name in KEY_VARIABLES if os.environ.get(name, "").strip()), "")
        if key_from:
            key = os.environ[key_from]
            raw = {**raw, "api_key": key}
    if isinstance(key, str):
        mask.add(key.strip())
    if raw.get("flat_files"):
        from stockticker_async.connector.config_values import secrets_of  # noqa: PLC0415

        for secret in secrets_of(raw):
            mask.add(secret)
    return raw, key_from


def _read_state(path: str) -> tuple[dict[str, object], Sequence[str]]:
    """Return the last stream_state of each stream, and warnings."""
    from stockticker_async.connector.state_file import StateBlocks  # noqa: PLC0415

    if not files.holds_something(path):  # the first run of a nightly job has no state
        return {}, [f"There is no state in {path} yet: everything is read from its start."]
    found = StateBlocks()
    for block in files.blocks(path, "state"):
        found.add(block)
    warnings = found.warnings()
    nothing = [name for name, blob in found.states.items() if blob is None]
    if nothing:
        warnings.append(f"The state of {', '.join(nothing)} is null: all of it is read from its start.")
    elif not found.states and found.size_bytes > len("null"):  # an empty state is no mistake
        warnings.append(f"The state {path} has no STATE in it: everything is read from its start.")
    return found.states, warnings


def _read_json(path: str, what: str) -> Any:
    try:
        return orjson.loads(files.whole(path, what))
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"The {what} file {path} is not JSON: {error}.") from None
