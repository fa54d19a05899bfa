"""Syncs against model servers in simulated time: their length beside one that knew the limit, and 429s.

The client is modelled as it is: workers with a question each, and a line in which who was refused a few times
comes first (`call_queue.CallQueue`). Run as a program, it prints docs/waiting.md.
"""

import heapq
import math
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from random import Random

from stockticker_async.marketdata.call_queue import rank
from stockticker_async.marketdata.limiter import Limiter

START = 1000.0  # the monotonic clock begins anywhere


@dataclass(frozen=True)
class Said:
    """What a server answers: None, or a 429 with the seconds after which it would not refuse."""

    refused: bool = False
    after: float = 0.0


OK = Said()
Named = Callable[[float], float | None]
"""From the seconds after which a call would be granted to the Retry-After."""
Server = Callable[[float, int], Said]
"""From the time of arrival, and the question, to the answer."""


class Window:
    """Grants so many calls in any span of so many seconds."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self.granted: deque[float] = deque()

    def __call__(self, now: float, _: int) -> Said:
        while self.granted and self.granted[0] + self.seconds <= now:
            self.granted.popleft()
        if len(self.granted) < self.limit:
            self.granted.append(now)
            return OK
        return Said(refused=True, after=self.granted[0] + self.seconds - now)


class Fixed(Window):
    """Grants so many calls in each span of its own clock, which began before the sync did."""

    def __init__(self, limit: int, seconds: float, phase: float) -> None:
        super().__init__(limit, seconds)
        self.phase = phase * seconds
        self.span, self.count = -math.inf, 0

    def __call__(self, now: float, _: int) -> Said:
        span = (now - START + self.phase) // self.seconds
        if span != self.span:
            self.span, self.count = span, 0
        self.count += 1
        if self.count <= self.limit:
            return OK
        return Said(refused=True, after=(span + 1) * self.seconds - (now - START + self.phase))


class Rising:
    """A window of a minute whose limit is another one after so many seconds."""

    def __init__(self, limit: int, later: int, seconds: float) -> None:
        self._windows, self._seconds = (Window(limit, 60), Window(later, 60)), seconds

    def __call__(self, now: float, question: int) -> Said:
        return self._windows[now - START >= self._seconds](now, question)


class Bucket(Window):
    """A bucket of tokens that fills evenly, full to begin with."""

    def __init__(self, limit: int, seconds: float) -> None:
        super().__init__(limit, seconds)
        self.tokens, self.at = float(limit), START

    def __call__(self, now: float, _: int) -> Said:
        rate = self.limit / self.seconds
        self.tokens = min(float(self.limit), self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return OK
        return Said(refused=True, after=(1 - self.tokens) / rate)


class Bursts:
    """Refuses what it is told to, and nothing else."""

    def __init__(self, refuses: Callable[[float, int, int], float | None]) -> None:
        """``refuses``: from seconds since the start, question and arrivals before to the seconds left."""
        self._refuses = refuses
        self._count = -1

    def __call__(self, now: float, question: int) -> Said:
        self._count += 1
        left = self._refuses(now - START, question, self._count)
        return OK if left is None else Said(refused=True, after=left)


@dataclass
class Log:
    seconds: float = math.inf
    calls: int = 0
    refusals: int = 0
    begins: list[float] = field(default_factory=list)


def run(
    limiter: Limiter,
    server: Server,
    calls: int,
    *,
    workers: int = 16,
    named: Named = lambda _: None,
    seed: int = 1,
    fastest: float = 0.02,
    slowest: float = 0.3,
    most: float = 7200.0,
    start: float = START,
    alone: int = 0,
) -> Log:
    """A sync of so many calls; the first ``alone`` come one after the other, as the one for splits does.

    ``named`` makes a Retry-After of the seconds that would do.
    """
    chance = Random(seed)  # noqa: S311 - a model
    log = Log()
    line: list[tuple[tuple[int, int], int, int]] = []  # rank, question, its refusals
    events: list[tuple[float, int, int, int, float, Said | None]] = []
    now, order, next_question, done, wake = start, 0, 0, 0, math.inf

    def ask_more() -> None:
        nonlocal next_question
        while next_question < min(done + (workers if done >= alone else 1), calls):
            heapq.heappush(line, ((rank(0), order), next_question, 0))
            next_question += 1

    ask_more()
    while done < calls and now < start + most:
        while line and (wait := limiter.reserve(now)) == 0.0:
            _, question, refusals = heapq.heappop(line)
            trip = chance.uniform(fastest, slowest)
            order += 1
            log.calls += 1
            log.begins.append(now)
            heapq.heappush(events, (now + trip / 2, order, question, refusals, now, None))
        wake = now + wait if line else math.inf
        if not events or wake < events[0][0]:
            assert wake < math.inf, "nobody will ever wake the callers"
            now = wake
            continue
        now, number, question, refusals, began, said = heapq.heappop(events)
        if said is None:
            heapq.heappush(
                events, (now + (now - began), number, question, refusals, began, server(now, question))
            )
            continue
        order += 1
        if said.refused:
            log.refusals += 1
            limiter.refused(now, began, named(said.after))
            heapq.heappush(line, ((rank(refusals + 1), order), question, refusals + 1))
            continue
        limiter.succeeded(now, began)
        done += 1
        ask_more()
    log.seconds = now - start if done == calls else math.inf
    return log


# Retry-After, as servers send it


def absent(_: float) -> float | None:
    return None


def right(after: float) -> float | None:
    return float(max(1, math.ceil(after)))


def one(_: float) -> float | None:
    """As some gateways say, whatever the limit is."""
    return 1.0


def ideal(server: Server, calls: int) -> float:
    """Seconds of a sync that knows when it will not be refused, and makes 80 calls a second at most."""
    now = START
    for _ in range(calls):
        while (said := server(now, 0)).refused:
            now += said.after + 1e-9
        now += 1 / 80
    fastest = run(Limiter(10**6, at_once=16), lambda _now, _question: OK, calls)
    return max(now - START, fastest.seconds)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    shape: str
    retry_after: str
    calls: int
    over: float
    """Times the ideal; of what ends by itself: seconds more."""
    refusals: int

    @property
    def share(self) -> float:
        """Of all calls that were made."""
        return self.refusals / (self.calls + self.refusals)


NAMED = {"absent": absent, "right": right, "always 1 s": one}
LIMITS: dict[str, tuple[Callable[[], Server], int]] = {
    "5 a minute, rolling": (lambda: Window(5, 60), 100),
    "5 a minute, fixed": (lambda: Fixed(5, 60, 0.37), 100),
    "20 a minute, rolling": (lambda: Window(20, 60), 200),
    "100 a minute, rolling": (lambda: Window(100, 60), 500),
    "100 a minute, fixed": (lambda: Fixed(100, 60, 0.37), 500),
    "1,000 a minute, rolling": (lambda: Window(1000, 60), 4000),
    "1,000 a minute, fixed": (lambda: Fixed(1000, 60, 0.37), 4000),
    "3,000 a minute, rolling": (lambda: Window(3000, 60), 9000),
    "2 a second, rolling": (lambda: Window(2, 1), 150),
    "10 a second, rolling": (lambda: Window(10, 1), 300),
    "10 a second, fixed": (lambda: Fixed(10, 1, 0.37), 300),
    "60 a second, rolling": (lambda: Window(60, 1), 3000),
    "100 a second, rolling": (lambda: Window(100, 1), 4000),
}
OTHERS: dict[str, tuple[Callable[[], Server], int]] = {
    "3 in 10 s": (lambda: Window(3, 10), 100),
    "20 in 10 s": (lambda: Window(20, 10), 300),
    "5 in 30 s": (lambda: Window(5, 30), 100),
}
"""Rolling windows that no plan of the API has, but a gateway before it may have."""


def storm(begins: float, ends: float) -> Server:
    return Bursts(lambda now, _question, _count: ends - now if begins <= now < ends else None)


def times(most: int, questions: int) -> Server:
    """Refuses each of the first questions so often."""
    seen: Counter[int] = Counter()

    def refuses(_now: float, question: int, _count: int) -> float | None:
        seen[question] += 1
        return 1.0 if question < questions and seen[question] <= most else None

    return Bursts(refuses)


def one_in(number: int) -> Server:
    chance = Random(3)  # noqa: S311 - a model
    return Bursts(lambda _now, _question, _count: 1.0 if chance.random() < 1 / number else None)


def calls(*numbers: int, after: float = 1.0) -> Callable[[], Server]:
    """Refuses calls by the order of their arrival, from 1 on."""
    return lambda: Bursts(lambda _now, _question, count: after if count + 1 in numbers else None)


FEW: dict[str, tuple[Callable[[], Server], int]] = {
    "the first three calls": (calls(1, 2, 3), 26),
    "the sixth and the seventh call": (calls(6, 7), 26),
    "the sixth and the seventh call, 2 s named": (calls(6, 7, after=2.0), 26),
    "the sixth, the seventh and the eighth call": (calls(6, 7, 8), 26),
    "two of the second pages, 2 s named": (calls(5, 6, after=2.0), 7),
    "calls 5, 10, 16 and 22": (calls(5, 10, 16, 22), 26),
    "calls 3, 7, 8 and 20": (calls(3, 7, 8, 20), 26),
    "each of three tickers three times": (lambda: times(3, 3), 25),
}
"""Which a sync must not notice for longer than half a minute."""
BURSTS = {
    **FEW,
    "all for 10 s": (lambda: storm(1, 11), 1000),
    "all for 30 s": (lambda: storm(1, 31), 1000),
    "all for ten minutes": (lambda: storm(1, 601), 1000),
    "one in ten": (lambda: one_in(10), 500),
    "one in a hundred": (lambda: one_in(100), 4000),
}


@cache
def limits() -> tuple[Row, ...]:
    """What limits cost that stay as they are."""
    return _permanent(LIMITS)


@cache
def others() -> tuple[Row, ...]:
    return _permanent(OTHERS)


def _permanent(servers: dict[str, tuple[Callable[[], Server], int]]) -> tuple[Row, ...]:
    rows = []
    for shape, (make, calls) in servers.items():
        best = ideal(make(), calls)
        for name, named in NAMED.items():
            log = run(Limiter(None, at_once=16), make(), calls, named=named)
            rows.append(Row(shape, name, calls, log.seconds / best, log.refusals))
    return tuple(rows)


@cache
def bursts() -> tuple[Row, ...]:
    """What refusals cost that end by themselves."""
    rows = []
    for shape, (make, count) in BURSTS.items():
        quiet = run(Limiter(None, at_once=16), lambda _now, _question: OK, count, alone=1).seconds
        for name, named in NAMED.items():
            log = run(Limiter(None, at_once=16), make(), count, named=named, alone=1)
            rows.append(Row(shape, name, count, log.seconds - quiet, log.refusals))
    return tuple(rows)


HEAD = """# Waiting

The free plan of the API allows 5 calls a minute, and the API answers further calls with status 429.
With `requests_per_minute` the connector has nothing to learn: it never exceeds this number in any
rolling minute, and only waits after a 429. Without `requests_per_minute` the connector learns the limit
from the 429s.

This page shows the cost of learning, in simulated time. The simulation has 16 calls at once, latencies
of 20 to 300 ms, and the limiter and the queue of the program itself. `python tests/waits.py` prints
this page; `tests/marketdata/test_limiter_waits.py` compares the page with the simulation.

The tables have three kinds of Retry-After: *absent*; *right*, the time until the API would accept the
next call; *always 1 s*, one second whatever the limit is.

## Permanent limits

*Times the ideal* compares the sync with an ideal sync. The ideal sync knows the limit and the start of
its window, and makes at most 80 calls a second.

| limit | Retry-After | calls | times the ideal | 429s | of all calls |
| --- | --- | ---: | ---: | ---: | ---: |
"""
MIDDLE = """
The connector pays for learning once. Without Retry-After it waits 1, 2, 4 ... 32 s, until the minute is
over, and under other limits than the free plan's needs some more calls to confirm the limit. So a short
sync under a small limit has a larger share of 429s than a tenth: seven 429s in 60 calls at 1 a second,
twelve in 25 calls at 7 a minute, six in 26 calls on the free plan.
This API has never shown a token bucket that fills evenly. The connector would keep up with such a
bucket, but would not learn it: up to three of four calls would be refused.

The API has limits a minute, and its unlimited plans a pace a second. A gateway may have a window between
them. With a right Retry-After, the connector loses little time under such a limit. Without one it takes the
window for a minute, and the sync takes up to six times as long: let the gateway name Retry-After.

| limit, rolling | Retry-After | calls | times the ideal | 429s | of all calls |
| --- | --- | ---: | ---: | ---: | ---: |
"""
RISING = """
A learned limit that rises in the same sync, as when other programs use up less of the allowance, is found
slowly: one call more is tried after four minutes, and so on. After a rise from 5 to 100 calls a minute,
125 calls take {few:.0f} minutes, and 400 calls {many:.0f}. With `requests_per_minute` nothing is learned.
"""
LAST = """
## Temporary refusals

*Seconds more* compares the sync with the same sync without a 429. As in every sync, the first call asks for
the splits, alone; the others follow together. So the first three 429s are three in a row: 1 + 2 + 4 s. For a
storm of 429s, the number has two parts: the duration of the storm, and the rest of the last wait. This rest
is at most as long as the storm, and at most a minute.

429s after five calls, as on the free plan, change nothing of this: the connector assumes five calls a minute,
but still makes a call after each of its waits. When such a call succeeds, the assumption ends. Where
Retry-After names 2 s and the API refuses again after these 2 s, the connector waits twice as long.

| 429s | Retry-After | calls | seconds more | 429s |
| --- | --- | ---: | ---: | ---: |
"""


def document() -> str:
    """The text of docs/waiting.md."""
    first, other = _rows(limits()), _rows(others())
    second = "".join(
        f"| {row.shape} | {row.retry_after} | {row.calls:,} | {row.over:.1f} | {row.refusals} |\n"
        for row in bursts()
    )
    few, many = (_rising(calls) / 60 for calls in (125, 400))
    return HEAD + first + MIDDLE + other + RISING.format(few=few, many=many) + LAST + second


def _rising(calls: int) -> float:
    return run(Limiter(None, at_once=16), Rising(5, 100, 90.0), calls).seconds


def _rows(rows: Iterable[Row]) -> str:
    return "".join(
        f"| {row.shape} | {row.retry_after} | {row.calls:,} | {row.over:.2f} | {row.refusals} "
        f"| {100 * row.share:.0f} % |\n"
        for row in rows
    )


if __name__ == "__main__":
    sys.stdout.write(document())
