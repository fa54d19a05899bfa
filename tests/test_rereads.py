"""Many syncs of one connection, whatever changes between them: what a state vouches for is there, and right.

A model of the platform: it keeps the last state of each stream that was delivered, and a destination
that keeps the last row of each primary key. Between syncs the configuration, the splits and the days
move; any sync may be killed at any line. What holds is judged against the market itself.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import BARS, BOTH, PRICES, Interrupted, Rows, Run, at, entries, made_names, rows_of, sync, truth

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.server import Sandbox, serve
from stockticker_async.sandbox.sessions import is_session

NAMES = made_names(12)
TODAY = "2020-12-08"
STARTS = ("2020-11-16", "2020-11-23", "2020-11-28", "2020-12-01")
ENDS = (None, "2020-12-04", "2020-12-06", "2020-11-26", "2020-11-30")
"""One is a Sunday, and one Thanksgiving."""
LISTS = ("few", "fewer", "otc", "many", "*")
FAST = 20_000.0
"""So many seconds pass in one that a state is due with every page."""
DAY = timedelta(days=1)

changes = st.one_of(
    st.tuples(st.just("nothing"), st.none()),
    st.tuples(st.just("days"), st.integers(1, 4)),
    st.tuples(st.just("start"), st.sampled_from(STARTS)),
    st.tuples(st.just("end"), st.sampled_from(ENDS)),
    st.tuples(st.just("tickers"), st.sampled_from(LISTS)),
    st.tuples(st.just("split"), st.tuples(st.integers(0, 2), st.integers(-20, 1))),
    st.tuples(st.just("withdraw"), st.none()),
    st.tuples(st.just("adjusted"), st.booleans()),
    st.tuples(st.just("lookback"), st.integers(0, 2)),
    st.tuples(st.just("include_otc"), st.booleans()),
    st.tuples(st.just("streams"), st.sampled_from([BOTH, (PRICES,), (BARS,)])),
)
kills = (
    st.none() | st.tuples(st.just("cut"), st.floats(0, 1)) | st.tuples(st.just("signal"), st.integers(1, 250))
)
syncs = st.lists(st.tuples(st.lists(changes, min_size=1, max_size=3), kills), min_size=2, max_size=7)


@dataclass
class Connection:
    """What is configured, what the platform keeps, and what the destination holds."""

    sandbox: Sandbox
    start: str = STARTS[1]
    end: str | None = None
    tickers: str = "few"
    adjusted: bool = True
    include_otc: bool = False
    lookback: int = 1
    streams: tuple[str, ...] = BOTH
    states: dict[str, bytes] = field(default_factory=dict)
    """The last STATE line of each stream that was delivered."""
    held: dict[str, Rows] = field(default_factory=lambda: {stream: {} for stream in BOTH})
    unsure: dict[str, dict[str, date]] = field(default_factory=lambda: {stream: {} for stream in BOTH})
    """Tickers whose splits have changed and were not read again since, until a day has settled."""
    withdrawable: list[tuple[str, date]] = field(default_factory=list)

    @property
    def today(self) -> date:
        return self.sandbox.clock.today()

    @property
    def settled(self) -> date:
        return self.today - DAY

    def names(self, tickers: str, *, otc: bool = True) -> list[str]:
        match tickers:
            case "few":
                return NAMES[:3]
            case "fewer":
                return NAMES[1:3]
            case "otc":
                return [NAMES[0], next(one.ticker for one in self.sandbox.market.universe if one.otc)]
            case "many":
                return NAMES
            case _:
                return [one.ticker for one in self.sandbox.market.universe if otc or not one.otc]

    def change(self, what: str, value: Any) -> None:
        match what:
            case "days":
                self.sandbox.clock.advance(value * 86_400)
            case "start" | "end":
                start, end = (value, self.end) if what == "start" else (self.start, value)
                if end is None or start <= end:
                    self.start, self.end = start, end
            case "split":
                number, days = value
                self.split(NAMES[number], self.today + DAY * days)
            case "withdraw":
                for name, day in self.withdrawable[:1]:
                    self.sandbox.withdraw_split(name, day)
                    self.doubt(name, day)
                del self.withdrawable[:1]
            case "nothing":
                pass
            case _:
                setattr(self, what, value)

    def split(self, name: str, day: date) -> None:
        self.sandbox.add_split(name, day, 1, 2 + day.day % 3)
        self.doubt(name, day)
        if day < self.today:  # raw prices follow a split to come, and would not follow its withdrawal
            self.withdrawable.append((name, day))

    def doubt(self, name: str, day: date) -> None:
        for stream in BOTH:
            self.unsure[stream][name] = max(day, self.unsure[stream].get(name, day))

    async def sync(self, kill: Any) -> Run:
        """One sync, what it delivered, and what must hold after it."""
        lines = Interrupted(kill[1]) if kill and kill[0] == "signal" else None
        before = b"".join(self.states.values()) or None
        run = await sync(
            self.sandbox,
            "*" if self.tickers == "*" else self.names(self.tickers),
            streams=self.streams,
            before=before,
            lines=lines,
            speed=FAST if kill else 1.0,
            start_date=self.start,
            end_date=self.end,
            adjusted=self.adjusted,
            include_otc=self.include_otc,
            lookback_days=self.lookback,
            requests_per_minute=1_000_000,  # calls decide: whole sessions are asked for twelve tickers
        )
        assert kill is not None or run.code == 0
        whole = run.code == 0
        if kill and kill[0] == "cut":
            output = run.stdout.splitlines(keepends=True)
            run = Run(b"".join(output[: int(kill[1] * len(output))]), None, run.calls)
            whole = False
        self.deliver(run)
        self.judge(whole=whole)
        return run

    def deliver(self, run: Run) -> None:
        for stream in self.streams:
            self.held[stream] |= rows_of(stream, run)
        for line in run.stdout.splitlines(keepends=True):
            if line.startswith(b'{"type":"STATE"'):
                stream, blob = _blob(line)
                if stream in self.states:
                    assert_not_back(_blob(self.states[stream])[1], blob)
                self.states[stream] = line

    def judge(self, *, whole: bool) -> None:
        for stream in self.streams:
            if stream not in self.states:
                assert not whole
                continue
            blob = _blob(self.states[stream])[1]
            if whole:
                self.assert_reached(blob)
                some = self.unsure[stream]
                self.unsure[stream] = {name: day for name, day in some.items() if day > self.settled}
            self.assert_vouched(stream, blob, set() if whole else set(self.unsure[stream]))

    def assert_reached(self, blob: dict[str, Any]) -> None:
        """A sync that ended well has read all that there was to read."""
        found = entries(blob)
        assert set(found) == ({"*"} if self.tickers == "*" else set(self.names(self.tickers)))
        last = self.settled if self.end is None else min(self.settled, date.fromisoformat(self.end))
        while not is_session(last.toordinal()):
            last -= DAY
        for since, cursor, _ in found.values():
            assert since <= self.start
            assert cursor >= str(last) or str(last) < since
        assert "=0" not in blob.get("splits", ""), "nothing is left to be read again"

    def assert_vouched(self, stream: str, blob: dict[str, Any], unsure: set[str]) -> None:
        """Every row of the days that a state vouches for is there, and no other."""
        half = {one.partition("=")[0] for one in blob.get("splits", "").split(",") if one.endswith("=0")}
        for name, (since, cursor, _) in entries(blob).items():
            if cursor == "":
                continue
            named = self.names("*", otc=blob.get("otc", False)) if name == "*" else [name]
            sure = [one for one in named if one not in unsure | half]
            wanted = truth(self.sandbox, stream, sure, since, cursor, adjusted=blob["adjusted"])
            known = set(sure)
            held = {
                key: row
                for key, row in self.held[stream].items()
                if key[0] in known and since <= row["date"] <= cursor
            }
            assert held == wanted


def _blob(line: bytes) -> tuple[str, dict[str, Any]]:
    told = orjson.loads(line)["state"]["stream"]
    return told["stream_descriptor"]["name"], told["stream_state"]


def assert_not_back(one: dict[str, Any], following: dict[str, Any]) -> None:
    """Within an entry, that is with the same basis and first day, the cursor never goes back."""
    if (one["adjusted"], one.get("otc")) != (following["adjusted"], following.get("otc")):
        return
    earlier = entries(one)
    for name, (since, cursor, mark) in entries(following).items():
        if name in earlier and earlier[name][::2] == (since, mark):
            assert cursor >= earlier[name][1], f"the cursor of {name} went back"


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(syncs=syncs)
async def test_whatever_changes_between_syncs_what_is_vouched_for_is_there_and_right(
    syncs: list[tuple[list[tuple[str, Any]], Any]],
) -> None:
    options = Options(now=at(TODAY), speed=0.0, seed=5, universe=72, tickers=tuple(NAMES), page_rows=7)
    async with serve(options) as sandbox:
        connection = Connection(sandbox)
        for some, kill in syncs:
            for what, value in some:
                connection.change(what, value)
            await connection.sync(kill)
        await connection.sync(None)
        connection.lookback = 0
        again = await connection.sync(None)
        if connection.end or is_session_or_weekend(connection.settled):
            assert again.paths("/aggs/") == [], "nothing has changed, so that nothing is asked"
        for stream in connection.streams:
            assert again.records(stream) == []


def is_session_or_weekend(day: date) -> bool:
    """Whether the last weekday is a session; a holiday is asked again until the next session settles."""
    while day.weekday() > 4:
        day -= DAY
    return is_session(day.toordinal())
