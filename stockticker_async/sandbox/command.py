"""The `sandbox` command: its arguments, and serving until a signal."""

import argparse
import asyncio
import ipaddress
import json
import signal
import sys
from datetime import UTC, date, datetime, time, timedelta
from typing import TextIO

from stockticker_async.sandbox.options import Options

_PLANS = ("basic", "starter", "developer", "advanced")


_APART = timedelta(days=2)
_TWO_CLOCKS = (
    "Its clock and this machine's are far apart: read asks for what end_date allows, and check, which asks "
    "for the last session by this machine's clock, finds none.\n"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `Options`, and where to listen."""
    default = Options()
    add = parser.add_argument
    add("--host", type=_loopback, default="127.0.0.1", help="a loopback address (default: %(default)s)")
    add("--port", type=int, default=0, help="0 takes any free port (default)")
    add(
        "--seed", type=int, default=default.seed, help="another seed is another market (default: %(default)s)"
    )
    add(
        "--plan",
        choices=_PLANS,
        default=default.plan,
        help="history, freshness, calls (default: %(default)s)",
    )
    add(
        "--without",
        type=_names,
        default=(),
        metavar="PATH,PATH",
        help="endpoints and files to take out of the plan, by the beginnings of their paths",
    )
    add("--key", default=default.key, help="the one accepted API key (default: %(default)s)")
    add("--access-key-id", default=default.access_key_id, help="of the flat files (default: %(default)s)")
    add(
        "--secret-access-key",
        default=default.secret_access_key,
        help="of the flat files (default: %(default)s)",
    )
    add("--bucket", default=default.bucket, help="the bucket of the flat files (default: %(default)s)")
    add("--skew", type=float, default=0.0, metavar="S", help="seconds that the clock for signatures is ahead")
    add("--tickers", type=_names, default=(), metavar="A,B", help="tickers to add to the market")
    add("--universe", type=int, default=default.universe, help="number of tickers (default: %(default)s)")
    add(
        "--clock",
        type=_moment,
        metavar="WHEN",
        help="start at this date (noon in New York) or time; default: now",
    )
    add("--speed", type=float, default=default.speed, help="the clock's speed; 0 stands still (default: 1)")
    add("--latency-ms", type=float, default=0.0, help="wait before each response")
    add("--page-rows", type=_positive, help="most rows of a page of bars")
    add("--calls-per-minute", type=_positive, help="replaces the plan's allowance")
    add(
        "--window",
        choices=("rolling", "fixed"),
        default=default.window,
        help="the allowance counts the last 60 seconds, or the clock's minute",
    )
    add(
        "--empty",
        choices=("absent", "null", "list"),
        default=default.empty,
        help="how `results` without bars is spelled",
    )
    add("--forget-adjusted", action="store_true", help="page 2 forgets adjusted=false")
    add(
        "--retry-after", choices=("absent", "seconds", "date", "empty-body"), default=default.retry_after,
        help="what a 429 carries",
    )  # fmt: skip
    add("--unpublished", type=int, default=0, metavar="N", help="hold back the last N settled sessions")
    add("--encode-ahead", action="store_true", help="encode each response with bars once, for benchmarks")
    add("--no-scientific", action="store_true", help="write no volumes as 1.3e+06")


def _loopback(text: str) -> str:
    if text == "localhost":
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(text).is_loopback:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no loopback address: the sandbox serves this machine only")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _moment(text: str) -> datetime:
    """A date (noon of it in New York) or a time, UTC unless it says otherwise."""
    from stockticker_async.sandbox.data.sessions import NEW_YORK  # noqa: PLC0415 -- only where it is needed

    try:
        if len(text) == len("2020-12-22"):
            return datetime.combine(date.fromisoformat(text), time(12), NEW_YORK)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 2020-12-22 nor 2020-12-22T17:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def options(args: argparse.Namespace) -> Options:
    return Options(
        seed=args.seed,
        plan=args.plan,
        without=args.without,
        key=args.key,
        access_key_id=args.access_key_id,
        secret_access_key=args.secret_access_key,
        bucket=args.bucket,
        skew=args.skew,
        tickers=args.tickers,
        universe=args.universe,
        now=args.clock,
        speed=args.speed,
        latency=args.latency_ms / 1000,
        page_rows=args.page_rows,
        calls_per_minute=args.calls_per_minute,
        window=args.window,
        empty=args.empty,
        keep_adjusted=not args.forget_adjusted,
        retry_after=args.retry_after,
        unpublished=args.unpublished,
        encode_ahead=args.encode_ahead,
        scientific=not args.no_scientific,
    )


async def run(args: argparse.Namespace) -> int:
    """Serve until cancelled, or until SIGINT or SIGTERM; the URL is the only line on stdout.

    Returns 2, as bad usage does, when `--without` names no endpoint.
    """
    from stockticker_async.sandbox.endpoints.routes import serves  # noqa: PLC0415 -- as the server
    from stockticker_async.sandbox.service.server import serve  # noqa: PLC0415 -- aiohttp only where it is needed

    for path in args.without:
        if not serves(path) and not path.startswith(f"/{args.bucket}/"):
            sys.stderr.write(f"--without {path}: no endpoint begins so\n")
            return 2
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with serve(options(args), host=args.host, port=args.port) as sandbox:
            print(sandbox.url, flush=True)  # noqa: T201 -- the contract with whoever started us
            if sys.stderr is not None:
                _welcome(sandbox.url, args, sandbox.clock.now(), sys.stderr)
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return 0


def _welcome(url: str, args: argparse.Namespace, now: datetime, out: TextIO) -> None:
    config = {"stock_ticker": "TSLA", "api_key": args.key, "base_url": url}
    apart = abs(now - datetime.now(UTC)) > _APART
    if apart:  # the connector's clock is the machine's: without days it would ask for another week
        last = now.date() - timedelta(days=1)
        config |= {"start_date": f"{last - timedelta(days=7)}", "end_date": f"{last}"}
    out.write(
        f"The market data API, imitated, listens on {url} (plan: {args.plan}, key: {args.key}).\n"
        f"Its clock says {now:%Y-%m-%d %H:%M} UTC. A configuration to begin with:\n"
        f"  {json.dumps(config)}\n"
        f"{_TWO_CLOCKS if apart else ''}"
        f"Flat files: bucket {args.bucket} of the S3 endpoint {url}, access key id {args.access_key_id}, "
        f"secret {args.secret_access_key}.\n"
        "Prices after 2020 are invented. Ctrl-C ends it.\n"
    )
    out.flush()
