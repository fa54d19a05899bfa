"""`read`: the sync.

Theory of operation
-------------------
1. The days of the sync are fixed once, from the clock: the last day worth asking, and the last that
   has settled. Every stream's state is read, or refused, before anything is sent.
2. Each stream says STARTED. Where the state does not hold any more (`state.begin`), the replaced one
   is written before the first record that is read again.
3. Streams of the same bars share their calls: `stock_prices` with `stock_bars` when those are of one
   day. Each such family is planned and carried out by a `BarsSync`.
4. Each stream ends once: COMPLETE, or an ERROR for each cause and INCOMPLETE. Whatever ends the
   sync early (a signal, a wrong key, an outage) still lets every stream write its last state.

While calls are made, a heartbeat lets states out in time even when nothing arrives.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import anyio

from stockticker_async import api, market, saved, state
from stockticker_async.bars import BadPageError
from stockticker_async.catalog import Selected
from stockticker_async.client import Client, open_client
from stockticker_async.clock import Clock
from stockticker_async.config import DAY, MARKET, Bar, Config
from stockticker_async.emitter import Emitter
from stockticker_async.errors import ConfigError, ConnectorError
from stockticker_async.failures import named, told
from stockticker_async.feeds import Days, Feed, family_plan
from stockticker_async.plan import Plan, describe, minutes_under, weekdays_in
from stockticker_async.shell import Shell
from stockticker_async.splits import Split
from stockticker_async.streams import STOCK_BARS, STOCK_PRICES, STREAMS
from stockticker_async.sync import BarsSync
from stockticker_async.verdict import Refusal

_log = logging.getLogger(__name__)

_DEFAULT_DAYS = timedelta(days=7)  # as in Airbyte's tutorial
_HEARTBEAT = 60.0
_ROW_BYTES = {STOCK_PRICES.name: 140, STOCK_BARS.name: 340}  # of a line, its envelope included
_SESSION_BARS = {"second": 10_000, "minute": 600, "hour": 14}  # a guess, for estimates only
_MARKET_ROWS = 12_000

_Family = tuple[Bar, list[Feed]]


async def read(shell: Shell, config: Config, selected: Sequence[Selected], blobs: Mapping[str, Any]) -> int:
    """Sync the selected streams from the states in ``blobs``. Returns the exit code.

    Raises `ConfigError` for a state that cannot be read, before anything is asked or written.
    """
    days = _days(shell.clock, config)
    feeds = [_prepare(shell, config, one, blobs.get(one.stream.name), days) for one in selected]
    for warning in config.warnings:
        _log.warning(warning)
    strange = [name for name in blobs if not any(stream.name == name for stream in STREAMS)]
    if strange:
        _log.warning("The state has streams that this source has not: %s. They are left out.", named(strange))
    started: list[Feed] = []
    try:
        for feed in feeds:
            await feed.emitter.start()
            started.append(feed)
        async with _heartbeat(shell.clock, feeds):
            await _sync(shell, config, feeds, days)
    except BaseException:
        with anyio.CancelScope(shield=True):
            for feed in started:
                await feed.emitter.fail([])
        raise
    return 1 if any(feed.emitter.failed for feed in feeds) else 0


async def plan(shell: Shell, config: Config, selected: Sequence[Selected], blobs: Mapping[str, Any]) -> int:
    """What `read` would ask of the API now, as LOG lines, without asking. Splits are not compared.

    Raises `ConfigError` as `read` does.
    """
    days = _days(shell.clock, config)
    feeds = [_prepare(shell, config, one, blobs.get(one.stream.name), days) for one in selected]
    lines = [f"Days: up to {days.last} New York; {days.settled} is the last one that is finished."]
    for feed in feeds:
        feed.progress.follow(None, today=days.today, settled=days.settled)
        feed.begin(days, config.end_date)
    for bar, family in _families(feeds):
        names = ", ".join(feed.emitter.name for feed in family)
        calls = family_plan(config, bar, family, days, allowance=config.requests_per_minute)
        lines += [f"{names}: {text}" for text in describe(calls, config.requests_per_minute)]
    if config.adjusted:
        lines.append("Before these, the splits of all tickers are asked; changed ones add a call each.")
    for text in lines:
        _log.info(text)
    return 0


async def _sync(shell: Shell, config: Config, feeds: Sequence[Feed], days: Days) -> None:
    """Read every family of streams; each stream has ended when this returns."""
    async with open_client(config, shell.clock, on_wait=_waiting(feeds)) as client:
        try:
            await _leave_market(client, config, feeds)
            await _follow_splits(client, config, feeds, days)
            for bar, family in _families(feeds):
                sync = BarsSync(client, config, bar, family, days)
                await _read_family(sync, family, config, days, allowance=client.allowance)
        except ConnectorError as error:
            await _end(feeds, [error])
        _log.info("Calls made, with those for splits: %d.", client.calls)


async def _read_family(
    sync: BarsSync, family: Sequence[Feed], config: Config, days: Days, *, allowance: int | None
) -> None:
    """Read streams that share their bars, and end them. Raises what would end every other sync, too."""
    try:
        calls = sync.plan(allowance)
        _tell_plan(calls, allowance)
        for feed in family:
            rows = _expected_rows(feed, config, days)
            await feed.emitter.estimate(rows=rows, row_bytes=_ROW_BYTES[feed.emitter.name])
        await sync.run(calls)
    except ConnectorError as error:
        await _end(family, [*told(sync.failures), error])
        raise
    await _end(family, told(sync.failures))


async def _leave_market(client: Client, config: Config, feeds: Sequence[Feed]) -> None:
    """Of tickers that were read as part of the whole market, take back those that may be OTC stocks.

    A bar of the last session that was covered shows that a ticker is none; the others begin anew.
    """
    listed: dict[date, frozenset[str]] = {}
    for feed in feeds:
        names = feed.progress.start.from_market
        for session in {market.sessions_back(cursor, 0) for cursor in names.values()}:
            if session not in listed:
                listed[session] = await _listed(client, config, session)
            feed.progress.uncover([name for name in names if name not in listed[session]])


async def _listed(client: Client, config: Config, session: date) -> frozenset[str]:
    """The configured tickers that traded on an exchange in a session; none where that cannot be had."""
    wanted = frozenset(config.tickers)
    try:
        found = await api.market(client, session, adjusted=config.adjusted, otc=False, wanted=wanted)
    except BadPageError:
        return frozenset()
    return frozenset() if isinstance(found, Refusal) else frozenset(bar.T for bar in found.value)


async def _follow_splits(client: Client, config: Config, feeds: Sequence[Feed], days: Days) -> None:
    """Ask for the splits of all tickers together, before the first bar, and take back what they change."""
    found: list[Split] | None = None
    since = min(entry.since for feed in feeds for entry in feed.progress.start.entries.values())
    if config.adjusted and since < days.today:
        found = await _splits(client, config.tickers, since, days.today)
    for feed in feeds:
        feed.progress.follow(found, today=days.today, settled=days.settled)
        for note in feed.progress.start.notes:
            _log.log(logging.WARNING if note.warn else logging.INFO, "%s: %s", feed.emitter.name, note.text)
        if feed.progress.start.replaced:
            await feed.emitter.replaced()
        feed.begin(days, config.end_date)


async def _splits(client: Client, names: Sequence[str], after: date, until: date) -> list[Split] | None:
    try:
        found = await api.splits(client, names, after=after, until=until)
    except BadPageError as error:
        reason = error.message
    else:
        if not isinstance(found, Refusal):
            return found
        reason = found.why.value
    _log.warning("The splits cannot be had (%s): adjusted history is not compared in this sync.", reason)
    return None


def _days(clock: Clock, config: Config) -> Days:
    now = clock.utc_now()
    last = market.last_askable(now)
    return Days(
        last=last if config.end_date is None else min(last, config.end_date),
        settled=market.last_settled(now),
        today=market.new_york_date(now),
    )


def _prepare(shell: Shell, config: Config, one: Selected, blob: Any, days: Days) -> Feed:
    """The stream's place to begin. Raises `ConfigError`."""
    stream, whole = one.stream, config.whole_market
    bar = DAY if stream is STOCK_PRICES else config.bar
    basis = saved.Basis(config.adjusted, str(bar), otc=whole and config.include_otc)
    start = state.begin(
        saved.read(stream, blob),
        names=(MARKET,) if whole else config.tickers,
        basis=basis,
        start=config.start_date,
        default_start=days.today - _DEFAULT_DAYS,
        settled=days.settled,
        movable=not market.counts_days(bar),
    )
    for entry in start.entries.values():
        if entry.cursor is None and config.end_date is not None and entry.since > config.end_date:
            raise ConfigError(
                f"end_date {config.end_date} is before the first day to read, {entry.since}: set start_date."
            )
    progress = state.Progress(stream, basis, start)
    return Feed(
        Emitter(stream.name, progress, shell),
        progress,
        bar,
        "prices" if stream is STOCK_PRICES else "bars",
        lookback=config.lookback_days if one.incremental else 0,
    )


def _families(feeds: Sequence[Feed]) -> list[_Family]:
    """The streams by the bars that they are made of."""
    families: dict[Bar, list[Feed]] = {}
    for feed in feeds:
        families.setdefault(feed.bar, []).append(feed)
    return list(families.items())


def _expected_rows(feed: Feed, config: Config, days: Days) -> int:
    sessions = sum(weekdays_in(first, days.last) for first in feed.floors.values())
    if config.whole_market:
        return sessions * _MARKET_ROWS
    return sessions if feed.kind == "prices" else sessions * _SESSION_BARS.get(config.bar.timespan, 1)


def _tell_plan(plan: Plan, allowance: int | None) -> None:
    minutes = minutes_under(plan.calls, allowance)
    under = f", {minutes} min under the allowance" if minutes else ""
    _log.info("Calls planned: %d, of them %d for whole sessions%s.", plan.calls, len(plan.grouped), under)


def _waiting(feeds: Sequence[Feed]) -> Callable[[datetime], Awaitable[None]]:
    async def tell(until: datetime) -> None:
        for feed in feeds:
            await feed.emitter.waits(until)

    return tell


@asynccontextmanager
async def _heartbeat(clock: Clock, feeds: Sequence[Feed]) -> AsyncIterator[None]:
    """Let states out that are due though no answer arrives."""

    async def beat() -> None:
        while True:
            await clock.sleep(_HEARTBEAT)
            for feed in feeds:
                await feed.emitter.checkpoint()

    failed: list[ConnectorError] = []
    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        try:
            yield
        except ConnectorError as error:
            failed.append(error)  # raised below: the group would wrap it
        group.cancel_scope.cancel()
    for one in failed:
        raise one


async def _end(feeds: Sequence[Feed], errors: Sequence[ConnectorError]) -> None:
    """End those streams that have not ended yet: COMPLETE where there is no error."""
    for feed in feeds:
        if errors:
            await feed.emitter.fail(errors)
        else:
            await feed.emitter.complete()
