"""A model of the platform: one connection, the states that it keeps, and the destination's rows.

It keeps the last state of each stream that was delivered, and a destination that keeps the last row
of each primary key. After each sync, what the states vouch for is judged against the market itself.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import orjson
from support import BOTH, Interrupted, Rows, Run, entries, made_names, rows_of, sync, truth

from stockticker_async.sandbox.data.sessions import is_session
from stockticker_async.sandbox.service.controls import Sandbox

NAMES = made_names(12)
SEED, UNIVERSE = 5, 72
"""A market of the well-known names and these twelve, and two OTC stocks."""
STARTS = ("2020-11-16", "2020-11-23", "2020-11-28", "2020-12-01")
FAST = 20_000.0
"""So many seconds pass in one that a state is due with every page."""
DAY = timedelta(days=1)


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

    async def sync(self, kill: Any, *, speed: float = 1.0, faulty: bool = False) -> Run:
        """One sync, what it delivered, and what must hold after it; with faults it need not end well."""
        lines = Interrupted(kill[1]) if kill and kill[0] == "signal" else None
        before = b"".join(self.states.values()) or None
        run = await sync(
            self.sandbox,
            "*" if self.tickers == "*" else self.names(self.tickers),
            streams=self.streams,
            before=before,
            lines=lines,
            speed=FAST if kill else speed,
            start_date=self.start,
            end_date=self.end,
            adjusted=self.adjusted,
            include_otc=self.include_otc,
            lookback_days=self.lookback,
            requests_per_minute=1_000_000,  # calls decide: whole sessions are asked for twelve tickers
        )
        assert faulty or kill is not None or run.code == 0
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
            assert cursor >= str(last) or str(last) < since, (found, self, last)
        assert not self.half_read(blob), "nothing is left to be read again"

    def half_read(self, blob: dict[str, Any]) -> set[str]:
        """Tickers of the market that were to be read again, and were not yet."""
        return {one.partition("=")[0] for one in blob.get("splits", "").split(",") if one.endswith("=0")}

    def assert_vouched(self, stream: str, blob: dict[str, Any], unsure: set[str]) -> None:
        """Every row of the days that a state vouches for is there, and no other."""
        half = self.half_read(blob)
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


def is_session_or_weekend(day: date) -> bool:
    """Whether the last weekday is a session; a holiday is asked again until the next session settles."""
    while day.weekday() > 4:
        day -= DAY
    return is_session(day.toordinal())
