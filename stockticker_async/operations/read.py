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
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import anyio

from stockticker_async import bar_size, grouped, market, saved, splits, state
from stockticker_async.bar_size import ONE_DAY, BarSize
from stockticker_async.catalog import Selected
from stockticker_async.client import Answer, Client, open_client
from stockticker_async.clock import Clock
from stockticker_async.config import Config
from stockticker_async.confirmation import Doubt
from stockticker_async.emitter import Emitter
from stockticker_async.errors import (
    BadPageError,
    ConfigError,
    ConnectorError,
    OutputError,
    TransientError,
    UnforeseenError,
    causes,
)
from stockticker_async.failures import named, told
from stockticker_async.feeds import Days, Feed, family_plan, first_days
from stockticker_async.forwarded import Forward, Whole
from stockticker_async.forwarding import describe_forward, read_forward
from stockticker_async.job import SyncJob
from stockticker_async.plan import Plan, describe, minutes_under, weekdays_in
from stockticker_async.shell import Progress, Shell
from stockticker_async.sink import OpenSink, Sink
from stockticker_async.splits import Split
from stockticker_async.streams import STOCK_BARS, STREAMS, Bars, Listed, Stream
from stockticker_async.sync import BarsSync
from stockticker_async.verdict import Refusal

_log = logging.getLogger(__name__)

_DEFAULT_DAYS = timedelta(days=7)  # as in Airbyte's tutorial
_HEARTBEAT = 60.0
_SESSION_BARS = {"second": 10_000, "minute": 600, "hour": 14}  # a guess, for estimates only
_MARKET_ROWS = 12_000

_Family = tuple[BarSize, list[Feed]]


_Reading = Feed | Forward


async def read(shell: Shell, config: Config, selected: Sequence[Selected], blobs: Mapping[str, Any]) -> int:
    """Sync the selected streams from the states in ``blobs``. Returns the exit code.

    Raises `ConfigError` for a state that cannot be read, before anything is asked or written.
    """
    days = _days(shell.clock, config.job)
    open_sink = partial(Emitter, shell=shell)
    readings = [_prepare(open_sink, config.job, one, blobs.get(one.stream.name), days) for one in selected]
    for warning in config.warnings:
        _log.warning(warning)
    strange = [name for name in blobs if not any(stream.name == name for stream in STREAMS)]
    if strange:
        _log.warning("The state has streams that this source has not: %s. They are left out.", named(strange))
    sinks = [reading.sink for reading in readings]
    started: list[Sink] = []
    try:
        for sink in sinks:
            await sink.start()
            started.append(sink)
        async with _heartbeat(shell.clock, sinks):
            await _sync(shell, config, readings, days)
    except BaseException:
        with anyio.CancelScope(shield=True):
            for sink in started:
                await sink.fail([])
        raise
    return 1 if any(sink.failed for sink in sinks) else 0


async def plan(shell: Shell, config: Config, selected: Sequence[Selected], blobs: Mapping[str, Any]) -> int:
    """What `read` would ask of the API now, as LOG lines, without asking. Splits are not compared.

    Raises `ConfigError` as `read` does.
    """
    days = _days(shell.clock, config.job)
    open_sink = partial(Emitter, shell=shell)
    readings = [_prepare(open_sink, config.job, one, blobs.get(one.stream.name), days) for one in selected]
    allowance = config.settings.requests_per_minute
    lines = [f"Days: up to {days.last} New York; {days.settled} is the last one that is finished."]
    for reading in readings:
        if reading.progress is not None:
            reading.progress.follow(None, today=days.today, settled=days.settled)
        reading.begin(days, config.job.end_date)
    for bar, family in _families(readings):
        names = ", ".join(feed.sink.name for feed in family)
        calls = family_plan(config.job, bar, family, days, allowance=allowance)
        lines += [f"{names}: {text}" for text in describe(calls, allowance)]
    lines += [
        describe_forward(forward, config.job, days, allowance=allowance) for forward in _forwards(readings)
    ]
    if config.job.adjusted and any(_is_adjusted(reading) for reading in readings):
        lines.append("Before these, the splits of all tickers are asked; changed ones add a call each.")
    for text in lines:
        _log.info(text)
    return 0


async def _sync(shell: Shell, config: Config, readings: Sequence[_Reading], days: Days) -> None:
    """Read every family of streams, then the forwarded ones; each stream has ended when this returns."""
    sinks = [reading.sink for reading in readings]
    try:
        async with open_client(config.settings, shell.clock, on_wait=_waiting(sinks)) as client:
            try:
                await _read_all(client, config.job, readings, days, shell.progress)
            finally:
                _log.info("Calls made, with those for splits: %d.", client.calls)
    except ConnectorError as error:
        await _end(sinks, [error])


async def _read_all(
    client: Client, job: SyncJob, readings: Sequence[_Reading], days: Days, progress: Progress
) -> None:
    progress.calls_made = lambda: client.calls
    await _leave_market(client, job, _feeds(readings))
    await _follow_splits(client, job, readings, days)
    for bar, family in _families(readings):
        sync = BarsSync(client, job, bar, family, days)
        await _read_family(sync, family, job, days, allowance=client.allowance, progress=progress)
    for forward in _forwards(readings):
        await _read_forward(client, job, forward, days)


async def _read_forward(client: Client, job: SyncJob, forward: Forward, days: Days) -> None:
    """Read a forwarded stream, and end it. Raises what would end every other sync, too."""
    try:
        await read_forward(client, job, forward, days)
    except Exception as error:  # noqa: BLE001 - what is no error of ours ends this stream, and no other
        ending = _of_stream(error)
        await _end([forward.sink], [*told(forward.failures), ending])
        _raise_lasting(ending)
    else:
        await _end([forward.sink], told(forward.failures))


async def _read_family(
    sync: BarsSync,
    family: Sequence[Feed],
    job: SyncJob,
    days: Days,
    *,
    allowance: int | None,
    progress: Progress,
) -> None:
    """Read streams that share their bars, and end them. Raises what would end every other sync, too."""
    sinks = [feed.sink for feed in family]
    try:
        calls = sync.plan(allowance)
        _tell_plan(calls, allowance)
        progress.calls_planned = progress.calls_made() + calls.calls
        progress.tickers = 0 if job.whole_market else len(first_days(family))
        progress.tickers_done = partial(_tickers_done, family, min(days.last, days.settled))
        for feed in family:
            rows = _expected_rows(feed, job, days)
            await feed.sink.estimate(rows=rows)
        await sync.run(calls)
    except Exception as error:  # noqa: BLE001 - what is no error of ours ends these streams, and no other
        ending = _of_stream(error)
        await _end(sinks, [*told(sync.failures), ending])
        _raise_lasting(ending)
    else:
        await _end(sinks, told(sync.failures))


def _tickers_done(family: Sequence[Feed], through: date) -> int:
    """How many tickers are answered up to that day, in the stream that is the furthest behind."""
    return min(feed.progress.count_covered(through) for feed in family)


def _of_stream(error: Exception) -> ConnectorError:
    """What ends a stream, as an error of ours. Raises it where memory ran out: that ends the program."""
    if isinstance(error, ConnectorError):
        return error
    if any(isinstance(cause, MemoryError) for cause in causes(error)):
        raise error
    return UnforeseenError(error)


def _raise_lasting(error: ConnectorError) -> None:
    """An outage may be of this endpoint alone; if it is of all, the next stream tells in seconds."""
    if not isinstance(error, TransientError | UnforeseenError):
        raise error


async def _leave_market(client: Client, job: SyncJob, feeds: Sequence[Feed]) -> None:
    """Of tickers that were read as part of the whole market, take back those that may be OTC stocks.

    A bar of the last session that was covered shows that a ticker is none; the others begin anew.
    """
    listed: dict[date, frozenset[str]] = {}
    for feed in feeds:
        names = feed.progress.start.from_market
        for session in {market.sessions_back(cursor, 0) for cursor in names.values()}:
            if session not in listed:
                listed[session] = await _listed(client, job, session)
            feed.progress.uncover([name for name in names if name not in listed[session]])


async def _listed(client: Client, job: SyncJob, session: date) -> frozenset[str]:
    """The configured tickers that traded on an exchange in a session; none where that cannot be had."""
    wanted = frozenset(job.tickers)
    try:
        found = await grouped.grouped_bars(client, session, adjusted=job.adjusted, otc=False, wanted=wanted)
    except BadPageError:
        return frozenset()
    return frozenset() if isinstance(found, Refusal) else frozenset(bar.T for bar in found.value)


async def _follow_splits(client: Client, job: SyncJob, readings: Sequence[_Reading], days: Days) -> None:
    """Ask for the splits of all tickers together, before the first bar, and take back what they change."""
    found: list[Split] | None = None
    adjusted = [reading.progress for reading in readings if reading.progress and _is_adjusted(reading)]
    since = min((entry.since for one in adjusted for entry in one.start.entries.values()), default=days.today)
    known = days
    if job.adjusted and since < days.today:
        answer = await _splits(client, job.tickers, adjusted, since, days)
        if answer is not None:
            found = answer.value
            known = _known(days, answer)
    for reading in readings:
        if reading.progress is not None:
            splits = found if _is_adjusted(reading) else None
            await _follow(reading.progress, reading.sink, splits, known)
        reading.begin(days, job.end_date)


async def _follow(progress: state.Progress, sink: Sink, splits: Sequence[Split] | None, days: Days) -> None:
    progress.follow(splits, today=days.today, settled=days.settled)
    for note in progress.start.notes:
        _log.log(logging.WARNING if note.warn else logging.INFO, "%s: %s", sink.name, note.text)
    if progress.start.replaced:
        await sink.replaced()


def _is_adjusted(reading: _Reading) -> bool:
    """Whether the stream's rows are prices, which splits change."""
    return reading.progress is not None and reading.progress.basis.bar is not None


def _known(days: Days, splits: Answer[list[Split]]) -> Days:
    """The days with the last one that is settled by the clock of the API's answer, too."""
    return replace(days, settled=min(days.settled, market.last_settled(splits.moment)))


async def _splits(
    client: Client, names: Sequence[str], adjusted: Sequence[state.Progress], after: date, days: Days
) -> Answer[list[Split]] | None:
    """None, and a warning, where they cannot be had, unless that is for the user to mend.

    They are asked for twice where history would be read again for them: one answer without a split would
    rewrite it tonight, and the next one tomorrow. So are none at all, where no earlier sync found the same.
    """

    async def ask() -> Answer[list[Split]] | Refusal:
        return await splits.splits(client, names, after=after, until=days.today)

    def is_news(found: Answer[list[Split]]) -> bool:
        known = _known(days, found)
        if not found.value and any(
            entry.cursor is None for one in adjusted for entry in one.start.entries.values()
        ):
            return True
        return any(
            state.follow_splits(one.start, found.value, today=known.today, settled=known.settled).again
            for one in adjusted
        )

    doubt = Doubt()
    try:
        found = await ask()
        while isinstance(found, Answer):
            if doubt.settles(frozenset(found.value) if is_news(found) else None):
                break
            found = await ask()
    except (ConfigError, OutputError):
        raise
    except ConnectorError as error:
        reason = error.message.rstrip(".")
    else:
        if not isinstance(found, Refusal):
            return found
        reason = found.why.value
    _log.warning("The splits cannot be had (%s): adjusted history is not compared in this sync.", reason)
    return None


def _days(clock: Clock, job: SyncJob) -> Days:
    now = clock.utc_now()
    last = market.last_askable(now)
    return Days(
        last=last if job.end_date is None else min(last, job.end_date),
        settled=market.last_settled(now),
        today=market.new_york_date(now),
    )


def _prepare(open_sink: OpenSink, job: SyncJob, one: Selected, blob: Any, days: Days) -> _Reading:
    """The stream's place to begin. Raises `ConfigError`."""
    stream = one.stream
    if not stream.cursor:
        return Forward(stream, open_sink(stream, Whole()), job.names)
    progress = _progress(job, stream, blob, days)
    sink = open_sink(stream, progress)
    match stream.source:
        case Bars():
            lookback = job.lookback_days if one.incremental else 0
            return Feed(sink, progress, _bar(job, stream), lookback)
        case Listed(lookback_days=lookback) if one.incremental:
            return Forward(stream, sink, job.names, progress, lookback)
    return Forward(stream, sink, job.names, progress)


def _progress(job: SyncJob, stream: Stream, blob: Any, days: Days) -> state.Progress:
    whole = job.whole_market
    basis = saved.Basis()
    if not isinstance(stream.source, Listed):
        basis = saved.Basis(job.adjusted, str(_bar(job, stream)), otc=whole and job.include_otc)
    start = state.begin(
        saved.read(stream, blob),
        names=job.names,
        basis=basis,
        start=job.start_date,
        default_start=days.today - _DEFAULT_DAYS,
        settled=days.settled,
        movable=not bar_size.counts_days(_bar(job, stream)),
    )
    for entry in start.entries.values():
        if entry.cursor is None and job.end_date is not None and entry.since > job.end_date:
            raise ConfigError(
                f"end_date {job.end_date} is before the first day to read, {entry.since}: set start_date."
            )
    return state.Progress(stream, basis, start, end=job.end_date)


def _bar(job: SyncJob, stream: Stream) -> BarSize:
    return job.bar if stream is STOCK_BARS else ONE_DAY


def _feeds(readings: Sequence[_Reading]) -> list[Feed]:
    return [reading for reading in readings if isinstance(reading, Feed)]


def _forwards(readings: Sequence[_Reading]) -> list[Forward]:
    return [reading for reading in readings if isinstance(reading, Forward)]


def _families(readings: Sequence[_Reading]) -> list[_Family]:
    """The streams by the bars that they are made of."""
    families: dict[BarSize, list[Feed]] = {}
    for feed in _feeds(readings):
        families.setdefault(feed.bar, []).append(feed)
    return list(families.items())


def _expected_rows(feed: Feed, job: SyncJob, days: Days) -> int:
    sessions = sum(weekdays_in(first, days.last) for first in feed.floors.values())
    if job.whole_market:
        return sessions * _MARKET_ROWS
    return sessions * _SESSION_BARS.get(feed.bar.timespan, 1)


def _tell_plan(plan: Plan, allowance: int | None) -> None:
    minutes = minutes_under(plan.calls, allowance)
    under = f", {minutes} min under the allowance" if minutes else ""
    _log.info("Calls planned: %d, of them %d for whole sessions%s.", plan.calls, len(plan.grouped), under)


def _waiting(sinks: Sequence[Sink]) -> Callable[[datetime], Awaitable[None]]:
    async def tell(until: datetime) -> None:
        for sink in sinks:
            await sink.waits(until)

    return tell


@asynccontextmanager
async def _heartbeat(clock: Clock, sinks: Sequence[Sink]) -> AsyncIterator[None]:
    """Let states out that are due though no answer arrives."""

    async def beat() -> None:
        while True:
            await clock.sleep(_HEARTBEAT)
            for sink in sinks:
                await sink.state_due()

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


async def _end(sinks: Sequence[Sink], errors: Sequence[ConnectorError]) -> None:
    """End those streams that have not ended yet: COMPLETE where there is no error."""
    for sink in sinks:
        if errors:
            await sink.fail(errors)
        else:
            await sink.complete()
