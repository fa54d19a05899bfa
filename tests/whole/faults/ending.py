"""The only two ends of a sync with a fault: the truth, or an ERROR, and a state that the next completes."""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from support import BOTH, Rows, Run, rows_of, sync, truth
from support import at as new_york

from stockticker_async.marketdata.call_limits import LIMITS, CallLimits
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

KEY = "qZ7/x+V9=kB3mW5pT8rN2cJ4hL6gD1sF"
"""Marked: no eight characters in a row of it stand in anything else."""
NAMES = ("AAA", "BBB", "CCC")
SICK = "BBB"
BARS_OF_SICK = "/BBB/range/"
FIRST, LAST = "2020-12-14", "2020-12-21"
PATIENT, HASTY = 1000.0, 8000.0
"""Speeds of the clock: fifteen minutes are a second for what must heal, and 0.1 s for what must be told."""
_DEADLINE = 30.0
_PIECE = 8
_OFTEN = re.compile(", (once|twice|for ever)$")


@dataclass(frozen=True, kw_only=True)
class Healed:
    """The sync delivers the truth, and fails nothing."""

    warns: str = ""
    """A regular expression that some warning matches."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """The sync ends INCOMPLETE, and the next one completes the set."""

    message: str
    """A regular expression that begins with the ERROR's message."""
    kind: str = "transient_error"
    alone: bool = True
    """Whether the ticker that is struck fails alone, so that the others are complete."""


@dataclass(frozen=True, kw_only=True)
class Postponed:
    """The sync fails nothing and says that a ticker is not to be had yet; the next one completes the set."""

    info: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """How the sandbox misbehaves, and how a sync of three tickers must end."""

    faults: tuple[Fault, ...]
    ends: Healed | Postponed | Told
    market: dict[str, Any] = field(default_factory=dict)
    """Of the sandbox."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of the configuration."""
    limits: CallLimits = LIMITS
    speed: float | None = None


def params(cases: Mapping[str, Case]) -> list[Any]:
    """Parameters with the marker of their fault: `FAULT[: variant][, how often]` is the name of a case."""
    return [
        pytest.param(case, id=name, marks=pytest.mark.fault(_OFTEN.sub("", name).partition(": ")[0]))
        for name, case in cases.items()
    ]


@asynccontextmanager
async def market(**options: Any) -> AsyncIterator[Sandbox]:
    """A small market at dawn, whose clock stands still."""
    told: dict[str, Any] = {
        "now": new_york("2020-12-22"), "universe": 60, "tickers": NAMES, "speed": 0.0, "key": KEY, **options,
    }  # fmt: skip
    async with serve(Options(**told)) as sandbox:
        yield sandbox


async def ends(case: Case) -> list[Run]:
    """Carry the case out, and judge its end. Returns its syncs."""
    async with market(**case.market) as sandbox:
        for fault in case.faults:
            sandbox.faults.add(fault)
        return await ends_on(sandbox, case)


async def ends_on(sandbox: Sandbox, case: Case, **options: Any) -> list[Run]:
    """The same with a sandbox whose faults are set; ``options`` hold for the first sync only."""
    speed = case.speed or (PATIENT if isinstance(case.ends, Healed) else HASTY)
    run = await _synced(sandbox, speed, limits=case.limits, **{**case.options, **options})
    match case.ends:
        case Healed(warns=pattern):
            assert run.code == 0
            assert delivered(run) == whole(sandbox)
            assert in_step(run, NAMES)
            assert not pattern or any(re.search(pattern, text) for text in run.told("WARN")), run.told("WARN")
            return [run]
        case Postponed(info=pattern):
            assert run.code == 0
            assert any(re.search(pattern, text) for text in run.told("INFO")), run.told("INFO")
            assert not in_step(run, [SICK])
            _judge_healthy(sandbox, run)
        case Told() as told:
            judge_told(sandbox, run, told)
    sandbox.faults.clear()
    following = await _synced(sandbox, PATIENT, before=run, **case.options)
    assert following.code == 0
    assert delivered(run, following) == whole(sandbox)
    assert in_step(following, NAMES)
    return [run, following]


async def _synced(sandbox: Sandbox, speed: float, **how: Any) -> Run:
    with anyio.fail_after(_DEADLINE):
        run = await sync(sandbox, NAMES, start_date=FIRST, speed=speed, **how)
    assert leaks(run.stdout.decode()) == []
    return run


def judge_told(sandbox: Sandbox, run: Run, told: Told) -> None:
    """The sync names what and why; what it delivered is true, and all of the healthy tickers."""
    assert run.code == 1
    for stream in BOTH:
        assert run.statuses(stream)[-1] == "INCOMPLETE"
        [error] = run.errors(stream)
        said = f"{SICK}: {told.message}" if told.alone else told.message
        assert re.match(said, error["message"]), error["message"]
        assert error["failure_type"] == told.kind
    found, wanted = delivered(run), whole(sandbox)
    assert found.items() <= wanted.items(), "a wrong row"
    if told.alone:
        _judge_healthy(sandbox, run)


def _judge_healthy(sandbox: Sandbox, run: Run) -> None:
    """The other tickers are complete."""
    healthy = [name for name in NAMES if name != SICK]
    assert in_step(run, healthy)
    wanted = {key: row for key, row in whole(sandbox).items() if key[1] in healthy}
    assert wanted.items() <= delivered(run).items()


def delivered(*runs: Run) -> dict[tuple[str, str, str], Any]:
    """Rows by stream, ticker and cursor, as a destination would hold them."""
    return _by_stream({stream: rows_of(stream, *runs) for stream in BOTH})


def whole(sandbox: Sandbox) -> dict[tuple[str, str, str], Any]:
    """What there is to deliver."""
    return _by_stream({stream: truth(sandbox, stream, NAMES, FIRST, LAST) for stream in BOTH})


def _by_stream(found: dict[str, Rows]) -> dict[tuple[str, str, str], Any]:
    return {(stream, *key): row for stream, rows in found.items() for key, row in rows.items()}


def in_step(run: Run, names: Sequence[str]) -> bool:
    """Whether these tickers' cursors stand at the end."""
    return all(run.cursors(stream).get(name) == LAST for stream in BOTH for name in names)


def leaks(text: str, key: str = KEY) -> list[str]:
    """Pieces of the key in the text, in any of its forms."""
    return sorted(piece for piece in pieces(key) if piece in text)


@cache
def pieces(key: str) -> frozenset[str]:
    """Any eight successive characters of the key, as it is, percent-encoded, in base64, in hexadecimals."""
    data = key.encode()
    forms = {key, quote(key), quote(key, safe=""), repr(key)[1:-1], data.hex()}
    for encode in (b64encode, urlsafe_b64encode):
        # wherever it stands in what is encoded: the first and last characters depend on their neighbours
        for place in range(3):
            text = encode(bytes(place) + data).decode().rstrip("=")
            forms.add(text[place + bool(place) : -1])
    return frozenset(form[at : at + _PIECE] for form in forms for at in range(len(form) - _PIECE + 1))
