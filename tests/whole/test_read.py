"""`read` as a whole: what ends it early, what it vouches for then, and how a slow reader slows it."""

from datetime import date
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from support import (
    BARS,
    BOTH,
    PRICES,
    Interrupted,
    Recorder,
    advance_days,
    at,
    entries,
    made_names,
    rows_of,
    sync,
    truth,
)

from stockticker_async.clock import Clock
from stockticker_async.errors import ConfigError, OutputError
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

NAMES = made_names(12)
FIRST, LAST = "2020-12-01", "2020-12-21"


def options(**told: Any) -> Options:
    return Options(now=at("2020-12-22"), **{"universe": 60, "tickers": tuple(NAMES), "speed": 0.0, **told})


async def resumed(sandbox: Sandbox, run: Any, **told: Any) -> None:
    """A following sync that nothing disturbs completes the truth."""
    sandbox.faults.clear()
    following = await sync(sandbox, NAMES, before=run, start_date=FIRST, **told)
    assert following.code == 0
    for stream in BOTH:
        assert rows_of(stream, run, following) == truth(sandbox, stream, NAMES, FIRST, LAST)


async def test_a_key_that_stops_working_ends_every_stream_and_what_was_read_counts() -> None:
    async with serve(options()) as sandbox:
        body = b'{"status":"ERROR","request_id":"1","error":"Unknown API Key"}'
        sandbox.faults.add(Fault(kind="status", status=401, body=body, after=5, times=None))
        run = await sync(sandbox, NAMES, start_date=FIRST, max_concurrent_requests=2)
        assert run.code == 1
        assert len(run.calls) <= 8, "no call after the refusal but those in flight"
        for stream in BOTH:
            [error] = run.errors(stream)
            assert error["failure_type"] == "config_error"
            assert "API key is wrong" in error["message"]
            assert len(run.cursors(stream)) >= 3
        await resumed(sandbox, run)


async def test_a_wrong_key_at_the_first_call_leaves_the_state_as_it_was() -> None:
    async with serve(options()) as sandbox:
        run = await sync(sandbox, NAMES, start_date=FIRST)
        refused = await sync(sandbox, NAMES, before=run, start_date=FIRST, api_key="another")
        assert refused.code == 1
        assert len(refused.calls) == 1
        for stream in BOTH:
            assert refused.states(stream) == [run.states(stream)[-1]]


async def test_an_outage_beyond_patience_ends_every_stream_with_a_transient_error() -> None:
    async with serve(options()) as sandbox:
        sandbox.faults.add(Fault(kind="status", status=503, after=4, times=None))
        run = await sync(sandbox, NAMES, start_date=FIRST, max_concurrent_requests=2, speed=3000.0)
        assert run.code == 1
        for stream in BOTH:
            [error] = run.errors(stream)
            assert error["failure_type"] == "transient_error"
            assert len(run.cursors(stream)) >= 2
        await resumed(sandbox, run)


async def test_an_outage_within_patience_is_survived() -> None:
    async with serve(options()) as sandbox:
        sandbox.faults.add(Fault(kind="status", status=503, after=4, times=8))
        sandbox.faults.add(Fault(kind="reset", times=4))
        run = await sync(sandbox, NAMES, start_date=FIRST, speed=300.0)
        assert run.code == 0
        assert rows_of(BARS, run) == truth(sandbox, BARS, NAMES, FIRST, LAST)


async def test_streams_of_other_bars_end_too_when_the_key_stops_working() -> None:
    async with serve(options()) as sandbox:
        sandbox.faults.add(Fault(kind="status", status=401, match="/range/1/day", times=None))
        run = await sync(sandbox, NAMES, start_date=FIRST, timespan="hour")
        assert run.code == 1
        assert [run.statuses(stream)[-1] for stream in BOTH] == ["INCOMPLETE", "INCOMPLETE"]
        assert run.paths("/range/1/hour") == []


async def test_what_one_stream_lost_is_told_beside_what_ended_the_sync() -> None:
    async with serve(options()) as sandbox:
        sandbox.faults.add(Fault(kind="body", transform="html", match=f"/{NAMES[0]}/", times=3))
        sandbox.faults.add(Fault(kind="status", status=401, match="/ticker/", after=3, times=None))
        run = await sync(sandbox, NAMES, start_date=FIRST, max_concurrent_requests=1)
        assert [error["failure_type"] for error in run.errors(PRICES)] == ["transient_error", "config_error"]


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6])
async def test_an_interruption_at_the_very_beginning_keeps_the_protocol(after: int) -> None:
    """Before a stream has STARTED it cannot end; `sync` asserts the order of what is there."""
    async with serve(options()) as sandbox:
        run = await sync(sandbox, NAMES, start_date=FIRST, lines=Interrupted(after))
        assert run.code is None
        await resumed(sandbox, run)


class _Stuck(Recorder):
    """A reader that has stopped reading: from some line on nothing is taken any more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.scope = anyio.CancelScope()
        self.full = anyio.Event()
        self._room = room

    async def put(self, piece: bytes) -> None:
        if self.records >= self._room:
            self.full.set()
            await anyio.sleep_forever()
        await super().put(piece)


async def test_a_reader_that_reads_nothing_stops_the_fetching() -> None:
    async with serve(options()) as sandbox:
        lines = _Stuck(room=20)

        async def slow() -> None:
            await sync(sandbox, NAMES, start_date="2016-01-04", max_concurrent_requests=4, lines=lines)

        async with anyio.create_task_group() as group:
            group.start_soon(slow)
            await lines.full.wait()
            # whoever can go on does so: until no call was made in a thousand turns of the loop
            calls = -1
            while calls != len(sandbox.calls):
                calls = len(sandbox.calls)
                for _ in range(1000):
                    await anyio.lowlevel.checkpoint()
            assert calls <= 1 + 1 + 4 + 4, (
                "the splits, what was written, and one answer in each worker's hands"
            )
            lines.records = -(10**9)  # the reader is back, so that the last states can be written
            group.cancel_scope.cancel()


class _Full(Recorder):
    """A disk that is full after some lines."""

    async def put(self, piece: bytes) -> None:
        if self.records > 30:
            raise OutputError("stdout cannot be written: No space left on device.")
        await super().put(piece)


async def test_a_full_disk_stops_the_calls() -> None:
    async with serve(options()) as sandbox:
        with pytest.raises(OutputError):
            await sync(sandbox, NAMES, start_date=FIRST, max_concurrent_requests=2, lines=_Full())
        assert len(sandbox.calls) <= 2 + 2 + 2  # the splits, of which there are none, are asked for twice


CHANGES: list[dict[str, Any]] = [{"adjusted": False}, {"start_date": "2020-11-02"}, {"timespan": "hour"}]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_configuration_is_read_again_though_killed_in_the_middle(
    change: dict[str, Any],
) -> None:
    told: dict[str, Any] = {"start_date": FIRST, **change}
    async with serve(options()) as sandbox:
        run = await sync(sandbox, NAMES, start_date=FIRST, streams=(BARS,))
        lines = Interrupted(after=60)
        killed = await sync(sandbox, NAMES, before=run, streams=(BARS,), speed=1e5, lines=lines, **told)
        assert killed.code is None
        first_record = killed.stdout.index(b'"RECORD"')
        first_state = killed.stdout.index(b'"STATE"')
        assert first_state < first_record, "the state without cursors goes out first"
        assert all(cursor == "" for _, cursor, _ in entries(killed.states(BARS)[0]).values())
        assert any("read again" in text for text in killed.told("WARN"))
        following = await sync(sandbox, NAMES, before=killed, streams=(BARS,), **told)
        assert not any("read again" in text for text in following.told("WARN")), "once is enough"
        wanted = truth(
            sandbox,
            BARS,
            NAMES,
            told["start_date"],
            LAST,
            adjusted=told.get("adjusted", True),
            bar=(1, told.get("timespan", "day")),
        )
        assert rows_of(BARS, killed, following) == wanted


async def test_full_refresh_goes_on_from_a_state_and_begins_without_one() -> None:
    async with serve(options()) as sandbox:
        whole = await sync(sandbox, NAMES, start_date=FIRST, incremental=False)
        assert rows_of(PRICES, whole) == truth(sandbox, PRICES, NAMES, FIRST, LAST)
        again = await sync(sandbox, NAMES, start_date=FIRST, incremental=False, before=whole)
        assert again.records(PRICES) == [], "no lookback in a full refresh"
        advance_days(sandbox)
        onward = await sync(sandbox, NAMES, start_date=FIRST, incremental=False, before=whole)
        assert {row["date"] for row in onward.records(PRICES)} == {"2020-12-22"}


async def test_the_default_start_is_a_week_ago_and_does_not_move() -> None:
    async with serve(options()) as sandbox:
        run = await sync(sandbox, NAMES[:1])
        advance_days(sandbox, 30)
        following = await sync(sandbox, NAMES[:1], before=run)
        assert rows_of(PRICES, run, following) == truth(
            sandbox, PRICES, NAMES[:1], "2020-12-15", "2021-01-20"
        )
        assert entries(following.states(PRICES)[-1])[NAMES[0]][0] == "2020-12-15"


async def test_the_tutorial_s_state_is_gone_on_from() -> None:
    async with serve(options()) as sandbox:
        before = b'{"stock_prices": {"date": "2020-12-16"}}'
        run = await sync(sandbox, NAMES, streams=(PRICES,), before=before, lookback_days=0)
        assert rows_of(PRICES, run) == truth(sandbox, PRICES, NAMES, "2020-12-17", LAST)


async def test_a_state_of_the_far_future_reads_nothing_and_says_so() -> None:
    async with serve(options()) as sandbox:
        run = await sync(sandbox, NAMES, start_date=FIRST)
        sandbox.clock.set(at("2020-12-15"))
        early = await sync(sandbox, NAMES, before=run, start_date=FIRST)
        assert early.code == 0
        assert early.records(PRICES) == []
        assert early.states(PRICES)[-1] == run.states(PRICES)[-1]
        assert all("ahead of the last finished day" in text for text in early.told("WARN"))


async def test_an_end_before_the_first_day_to_read_is_refused_before_anything_is_asked() -> None:
    async with serve(options()) as sandbox:
        with pytest.raises(ConfigError, match="end_date 2020-12-01 is before the first day to read"):
            await sync(sandbox, NAMES, end_date="2020-12-01")
        assert sandbox.calls == []


async def test_clocks_that_differ_are_told_and_the_earlier_decides() -> None:
    async with serve(options()) as sandbox:
        clock = Clock(start=at("2020-12-24"))
        run = await sync(sandbox, NAMES, start_date=FIRST, clock=clock)
        assert any("clock" in text for text in run.told("WARN"))
        assert set(run.cursors(PRICES).values()) == {LAST}


async def test_a_split_is_fresh_until_its_session_has_settled_by_the_api_s_clock_too() -> None:
    """A machine ahead of time took it for settled, and did not read the history once more."""
    async with serve(options()) as sandbox:
        runs = [await sync(sandbox, NAMES[:1], start_date=FIRST)]
        sandbox.add_split(NAMES[0], date(2020, 12, 22), 1, 2)
        ahead = Clock(start=at("2020-12-23"))
        runs.append(await sync(sandbox, NAMES[:1], start_date=FIRST, before=runs[-1], clock=ahead))
        advance_days(sandbox)
        runs.append(await sync(sandbox, NAMES[:1], start_date=FIRST, before=runs[-1]))
        runs.append(await sync(sandbox, NAMES[:1], start_date=FIRST, before=runs[-1]))
        again = [any("their history is read again" in text for text in run.told("WARN")) for run in runs]
        assert again == [False, True, True, False]
        assert rows_of(BARS, *runs) == truth(sandbox, BARS, NAMES[:1], FIRST, "2020-12-22")


async def test_what_a_configuration_gets_wrong_without_harm_is_told() -> None:
    async with serve(options()) as sandbox:
        run = await sync(sandbox, NAMES, start_date=FIRST, adjustd=True)
        assert any("adjustd" in text and "adjusted?" in text for text in run.told("WARN"))


@pytest.mark.parametrize(("day", "told"), [("2100-11-01", False), ("2100-11-02", True), ("2101-02-01", True)])
async def test_the_end_of_the_calendar_is_told_sixty_days_before(day: str, told: bool) -> None:  # noqa: FBT001 - a case
    async with serve(Options(now=at(day), universe=10)) as sandbox:
        run = await sync(sandbox, "AAA", streams=("exchanges",))
        assert run.code == 0
        warned = [text for text in run.told("WARN") if "calendar" in text]
        assert len(warned) == told
        assert all("2100-12-31" in text for text in warned)
