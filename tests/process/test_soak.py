"""An hour's worth of syncs in minutes: nothing grows, nothing is left, and the set is the truth.

`make soak` runs it for minutes; the suite for seconds.
"""

import asyncio
import gc
import json
import os
import random
import resource
import time
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest
from connection import NAMES, SEED, STARTS, UNIVERSE, Connection
from program import KEY, sandbox
from support import BARS, BOTH, PRICES, at

from stockticker_async.sandbox.data.split_book import Split
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox

SECONDS = float(os.environ.get("SOAK_SECONDS", "5"))
TODAY = "2020-12-08"
SPEED = 600.0
"""Of the connector's clock: waits of minutes, for the allowance or for an outage to end, take a blink."""
SYNCS_A_LIFE = 6
"""Then the connection is made anew, so that its destination does not grow."""
MOST_GROWTH = 0.1
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "times": 3},
    {"kind": "429", "retry_after": "1"},
    {"kind": "429", "retry_after": "date:30", "times": 2},
    {"kind": "429"},
    {"kind": "reset", "times": 2},
    {"kind": "cut", "framing": "length"},
    {"kind": "cut", "framing": "chunked"},
    {"kind": "corrupt_gzip"},
    {"kind": "hang", "seconds": 0.02},
    {"kind": "hang"},
    {"kind": "drip", "seconds": 0.01},
    {"kind": "body", "transform": "html", "times": 2},
    {"kind": "body", "transform": "half", "times": 3},
    {"kind": "body", "transform": "error"},
    {"kind": "body", "transform": "array"},
    {"kind": "body", "transform": "empty"},
    {"kind": "edit", "edit": "duplicate"},
    {"kind": "edit", "edit": "out_of_range"},
    {"kind": "edit", "edit": "null_price"},
    {"kind": "edit", "edit": "flip_adjusted"},
)
"""All but those that no client could notice."""


class Remote(Sandbox):
    """The market of a sandbox in a process of its own, which moves as this one does."""

    def __init__(self, url: str) -> None:
        told = Options(key=KEY, now=at(TODAY), speed=0.0, seed=SEED, universe=UNIVERSE, tickers=tuple(NAMES))
        super().__init__(told)
        self.url = url

    def tell(self, method: str, path: str, **told: Any) -> None:
        body = json.dumps(told).encode()
        request = urllib.request.Request(f"{self.url}/sandbox/{path}", body, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - it is on loopback
            answer.read()

    def add_split(self, ticker: str, execution_date: date, split_from: float, split_to: float) -> Split:
        numbers = {"split_from": split_from, "split_to": split_to}
        self.tell("POST", "splits", ticker=ticker, execution_date=str(execution_date), **numbers)
        return super().add_split(ticker, execution_date, split_from, split_to)

    def withdraw_split(self, ticker: str, execution_date: date) -> int:
        self.tell("DELETE", "splits", ticker=ticker, execution_date=str(execution_date))
        return super().withdraw_split(ticker, execution_date)


def _drawn(choice: random.Random) -> tuple[str, Any]:
    return choice.choice(
        [
            ("days", choice.randint(1, 3)),
            ("start", choice.choice(STARTS)),
            ("end", choice.choice([None, "2020-12-04", "2020-12-06"])),
            ("tickers", choice.choice(["few", "fewer", "otc", "many", "*"])),
            ("split", (choice.randrange(3), -choice.randint(1, 20))),
            ("withdraw", None),
            ("adjusted", choice.random() < 0.8),
            ("lookback", choice.randrange(3)),
            ("streams", choice.choice([BOTH, BOTH, (PRICES,), (BARS,)])),
        ]
    )


async def _life(sandbox: Remote, choice: random.Random) -> int:
    """Syncs of one connection through faults and kills; the last one without, which ends well. How many."""
    sandbox.clock.set(at(TODAY))
    connection = Connection(sandbox)
    for number in range(SYNCS_A_LIFE):
        last = number == SYNCS_A_LIFE - 1
        for _ in range(0 if last else choice.randint(1, 3)):
            connection.change(*_drawn(choice))
        sandbox.tell("POST", "clock", now=sandbox.clock.now().isoformat())
        sandbox.tell("DELETE", "faults")
        for fault in [] if last else choice.sample(FAULTS, choice.randrange(4)):
            sandbox.tell("POST", "faults", match="/aggs/", after=choice.randrange(8), **fault)
        kill = ("signal", choice.randint(1, 250)) if not last and choice.random() < 0.2 else None
        # the last one's deadlines are real ones, which a busy machine keeps
        await connection.sync(kill, speed=1.0 if last else SPEED, faulty=not last)
    for name, day in connection.withdrawable:
        sandbox.withdraw_split(name, day)
    sandbox.tell("DELETE", "calls")
    return SYNCS_A_LIFE


def _resident_kb() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def _sockets() -> int:
    """How many sockets this process has open."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(str(link.readlink()).startswith("socket:") for link in links)


@pytest.mark.long
@pytest.mark.timeout(0)  # it lasts as long as it is told to
@pytest.mark.fault("endless syncs")
async def test_syncs_without_end_leave_nothing_behind() -> None:
    choice = random.Random(int(os.environ.get("SOAK_SEED", "1")))  # noqa: S311 - a seed that anyone can repeat
    arguments = ["--clock", at(TODAY).isoformat(), "--speed", "0", "--latency-ms", "2", "--page-rows", "7"]
    arguments += ["--seed", str(SEED), "--universe", str(UNIVERSE), "--tickers", ",".join(NAMES)]
    with sandbox(*arguments) as url:
        remote = Remote(url)
        await _life(remote, choice)  # what is kept for ever is made by now
        await anyio.lowlevel.checkpoint()
        tasks, sockets = len(asyncio.all_tasks()), _sockets()
        resident: list[int] = []
        syncs, end = 0, time.monotonic() + SECONDS
        while time.monotonic() < end or len(resident) < 3:
            syncs += await _life(remote, choice)
            await anyio.lowlevel.checkpoint()
            assert len(asyncio.all_tasks()) == tasks
            assert _sockets() == sockets
            resident.append(_resident_kb())
        third = len(resident) // 3
        first, last = max(resident[:third]), max(resident[-third:])
        print(f"{syncs} syncs: {first} KB resident in the first third, {last} KB in the last")  # noqa: T201
        assert last <= first * (1 + MOST_GROWTH)
