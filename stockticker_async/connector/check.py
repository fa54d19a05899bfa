"""`check`: tests the key, the plan, the history and every ticker in few calls.

One grouped call for a session shows which tickers trade. A range call cannot show this, because the API
answers an unknown ticker with an empty list. Only a few of the missing tickers are looked up in the
reference. Every fault of the configuration, the API or the network becomes CONNECTION_STATUS FAILED with a
sentence that says what to do, and exit code 0, as Airbyte expects.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from stockticker_async.connector import config, protocol
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.config import Config
from stockticker_async.errors import ConfigError, ConnectorError, TransientError
from stockticker_async.marketdata import calendar, grouped, ranges, reference
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.marketdata.bars import Asked, GroupedBar
from stockticker_async.marketdata.bucket import open_bucket
from stockticker_async.marketdata.client import Answer, Client, open_client
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.marketdata.session_files import has_files
from stockticker_async.marketdata.settings import FlatFiles
from stockticker_async.sync.call_plan import minutes_under
from stockticker_async.sync.failures import name_list
from stockticker_async.sync.job import DEFAULT_DAYS
from stockticker_async.sync.windows import plan_bars

_PATIENCE = 30.0
"""Seconds without an answer after which the check fails: a person is waiting."""
_MOST_WAIT = 240.0
"""Seconds of waiting for 429s in a row: without Retry-After the waits of 1 to 60 s, and two more of 60 s."""
_LATER = " Check again later; if this stays so, the API or a proxy before it is at fault: ask its operator."
_SESSIONS = 4  # the last session may not be published yet, and the calendar may be wrong
_LOOK_UPS = 3
_WEEK = timedelta(days=7)  # holds sessions, whatever the holidays
_YOUNG = timedelta(days=10)  # a first bar no later than this after the start date is the start date's


async def check(context: CommandContext, raw: Any, *, failed_code: int = 0, key_from: str = "") -> int:
    """Put the CONNECTION_STATUS. Returns the exit code: 0, or ``failed_code`` if the check failed."""
    code = 0
    today = calendar.new_york_date(context.clock.utc_now())
    try:
        judged = config.parse(raw, today=today, key_from=key_from)
        async with open_client(
            judged.settings, context.clock, patience=_PATIENCE, most_wait=_MOST_WAIT
        ) as client:
            message = await _Check(client, judged, today).run()
            if client.flat_files is not None:
                message += await _check_files(client.flat_files, context, judged.job.bar, today)
        succeeded = True
    except ConnectorError as error:
        message, succeeded = error.message, False
        if isinstance(error, TransientError):
            message += _LATER
        code = failed_code
    message = context.mask(message)
    await context.output.put(protocol.connection_status(succeeded=succeeded, message=message))
    context.observer.checked(message, succeeded=succeeded)
    return code


async def _check_files(settings: FlatFiles, context: CommandContext, bar: BarSize, today: date) -> str:
    """Return a sentence about the bucket, from one listing. Raises `ConnectorError` for what fails."""
    bucket = open_bucket(settings, context.clock, patience=_PATIENCE)
    bar = bar if has_files(bar) else ONE_DAY
    files = await bucket.files(bar, today - 2 * _WEEK, today)
    if not files:
        raise ConfigError(
            f"The bucket of flat files works, but has no file of bars of {bar} for the last two weeks. Check "
            "flat_files.endpoint and flat_files.bucket."
        )
    if not await bucket.may_read(bar, files[-1].session):
        raise ConfigError(
            f"The plan of the keys in flat_files does not include the files of bars of {bar}. Change the "
            "plan, or remove flat_files."
        )
    return f" The keys of the flat files work, and there are files up to {files[-1].session}."


@dataclass(frozen=True, slots=True)
class _Seen:
    """The last session that the plan includes, and its bars by ticker."""

    session: date
    bars: dict[str, GroupedBar]
    empty: tuple[date, ...]
    """Later sessions for which the API gave no bars. It is asked once: a sync asks twice."""

    def busiest(self, names: Sequence[str]) -> str | None:
        """Return the ticker with the most volume among ``names`` (empty: all); None if none traded."""
        found = [self.bars[name] for name in names if name in self.bars] if names else self.bars.values()
        return max(found, key=lambda bar: bar.v, default=GroupedBar(0, 0, 0, 0, 0, 0)).T or None


class _Check:
    def __init__(self, client: Client, judged: Config, today: date) -> None:
        self._client = client
        self._job = judged.job
        self._allowance = judged.settings.requests_per_minute
        self._warnings = judged.warnings
        self._today = today
        self._confirmed: set[RefusalReason] = set()
        """Why the plan refused calls, each repeated once."""
        self._first = judged.job.start_date or today - DEFAULT_DAYS
        self._last = today if judged.job.end_date is None else min(today, judged.job.end_date)
        if self._last < self._first:
            raise ConfigError(
                f"end_date {self._last} is before the first day to read, {self._first}: set start_date."
            )

    async def run(self) -> str:
        """Return a few sentences about what works. Raises `ConnectorError` for what does not work."""
        seen = await self._last_session()
        missing = [name for name in self._job.tickers if name not in seen.bars]
        await self._look_up(missing[:_LOOK_UPS], seen)
        parts = [f"The key works, and the plan gives bars up to {seen.session}."]
        if seen.empty:
            days = ", ".join(map(str, seen.empty))
            parts.append(f"The API gave no bars for {days} (not published yet, or left out by the API).")
        history = await self._history(seen)
        if history is not None:
            parts.append(history)
        if missing:
            parts.append(f"Not seen on {seen.session}: {name_list(missing)}.")
        parts.append(self._cost())
        parts.extend(self._warnings)
        return " ".join(parts)

    async def _last_session(self) -> _Seen:
        day = calendar.sessions_back(self._today - calendar.DAY, 0)
        refused = None
        empty: list[date] = []
        for _ in range(_SESSIONS):
            found = await grouped.grouped_bars(
                self._client,
                day,
                adjusted=self._job.adjusted,
                otc=True,
                wanted=None,
                may_be_empty=True,
                confirmed=self._confirmed,
            )
            match found:
                case Answer(bars) if bars:
                    return _Seen(day, {bar.T: bar for bar in bars}, tuple(reversed(empty)))
                case Answer():
                    empty.append(day)
                case Refusal(RefusalReason.ENDPOINT, text):
                    raise ConfigError(
                        "The plan of this key does not include daily bars of stocks. Change the plan at "
                        "massive.com, or give the key of another account.",
                        detail=text,
                    )
                case Refusal():
                    refused = found
            day = calendar.sessions_back(day, 1)
        if refused is not None:
            raise ConfigError(
                f"The plan of this key refuses the {_SESSIONS} sessions after {day} ({refused.why.value})."
                f"{self._clocks()} Change the plan at massive.com, or give the key of another account.",
                detail=refused.text,
            )
        raise ConnectorError(
            f"The API gives no bars of any stock for the {_SESSIONS} sessions after {day}.{self._clocks()}"
        )

    def _clocks(self) -> str:
        if self._client.server_clock.apart is None:
            return ""
        here, there = (f"{moment:%Y-%m-%d %H:%M}" for moment in self._client.server_clock.apart)
        return (
            f" The two clocks are apart: it is {there} UTC by the API's, and {here} UTC by this machine's. "
            "Set the one that is wrong; a sandbox has the option --clock."
        )

    async def _look_up(self, missing: Sequence[str], seen: _Seen) -> None:
        """Raise `ConfigError` if one of the missing tickers does not exist."""
        unknown = [name for name in missing if not await self._exists(name)]
        if not unknown:
            return
        hints = [hint for name in unknown if (hint := _other_spelling(name, seen))]
        remedy = f" Did you mean {', '.join(hints)}?" if hints else ""
        raise ConfigError(
            f"stock_ticker: the API does not know {name_list(unknown)}.{remedy} Upper and lower case differ, "
            "and share classes have a dot (BRK.B)."
        )

    async def _exists(self, name: str) -> bool:
        return bool(
            await reference.is_known(self._client, name, None)
            or await reference.is_known(self._client, name, self._first)
            or await self._first_bar(name, ONE_DAY)
        )

    async def _history(self, seen: _Seen) -> str | None:
        """Return a sentence if the plan's history begins late. Raises `ConfigError` if no day is in it."""
        name = seen.busiest(self._job.tickers)
        if name is None:
            return None
        if self._job.bar != ONE_DAY and not self._job.whole_market:
            await self._first_bar(name, self._job.bar)
        if self._job.start_date is None:
            return None
        first = await self._first_bar(name, ONE_DAY)
        if first is None or first - self._first <= _YOUNG:
            return None
        return (
            f"The first day that the API gives for {name} is {first}, later than start_date {self._first}: "
            "the plan's history may begin there."
        )

    async def _first_bar(self, name: str, bar: BarSize) -> date | None:
        """Return the day of the first bar in the requested days (intraday: in their last week)."""
        first = max(self._first, self._last - _WEEK) if bar.intraday else self._first
        asked = Asked(name, first, self._last, bar, self._job.adjusted)
        while True:
            async with aclosing(ranges.range_pages(self._client, asked, doubted=False)) as pages:
                async for answer in pages:
                    if isinstance(answer, Refusal):
                        break
                    if answer.page.first_ms is not None:
                        return calendar.session_of(answer.page.first_ms)
                else:
                    return None
            if answer.why in self._confirmed:
                self._judge_refusal(answer, bar, first)
                return None
            self._confirmed.add(answer.why)

    def _judge_refusal(self, refusal: Refusal, bar: BarSize, first: date) -> None:
        """Raise `ConfigError`, unless the refusal only concerns recent days."""
        if refusal.why is RefusalReason.ENDPOINT:
            text = f"does not include bars of {bar}. Change the plan, or choose other bars."
        elif refusal.why is RefusalReason.TIMEFRAME and first < self._today - _WEEK:
            text = (
                f"has no history from {first} to {self._last}. Set start_date and end_date later, or change "
                "the plan."
            )
        else:
            return
        raise ConfigError(f"The plan of this key {text}", detail=refusal.text)

    def _cost(self) -> str:
        """Return a sentence with the number of calls of a first sync."""
        allowance = self._allowance
        names = self._job.names
        first_days = dict.fromkeys(names, self._first)
        call_plan = plan_bars(self._job, self._job.bar, first_days, self._last, allowance=allowance)
        minutes = minutes_under(call_plan.calls, allowance)
        calls = f"{call_plan.calls} call{'' if call_plan.calls == 1 else 's'}"
        if call_plan.files:
            calls += f" and {len(call_plan.files)} flat file{'' if len(call_plan.files) == 1 else 's'}"
        under = f", or {minutes} min at {allowance} requests a minute" if minutes else ""
        return f"A first sync of the bars takes about {calls}{under}."


def _other_spelling(name: str, seen: _Seen) -> str | None:
    """Return a traded ticker with a similar spelling: other case, no $ or exchange, BRK.B for BRK-B."""

    def plain(ticker: str) -> str:
        return ticker.upper().rpartition(":")[2].removeprefix("$").replace("-", ".").replace("/", ".")

    same = [other for other in seen.bars if plain(other) == plain(name)]
    return same[0] if same else None
