"""The limiter, call by call and as a law; what it costs in whole syncs is in test_waiting.py."""

import math
from collections.abc import Iterable
from random import Random

import pytest
import waits
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.marketdata.limiter import Limiter

# Whole simulations: the same ones each time, since a limit met by chance would stop other people's work.
simulated = settings(deadline=None, derandomize=True, max_examples=40)


def most_within(times: Iterable[float], seconds: float) -> int:
    """The most of the times in any half-open span of so many seconds."""
    ordered = sorted(times)
    first = most = 0
    for last, time in enumerate(ordered):
        while ordered[first] + seconds <= time:
            first += 1
        most = max(most, last - first + 1)
    return most


def begin(limiter: Limiter, now: float, count: int = 1) -> None:
    assert [limiter.reserve(now) for _ in range(count)] == [0.0] * count


def refuse(limiter: Limiter, now: float, retry_after: float | None = None) -> None:
    """A call that begins and is refused at once."""
    begin(limiter, now)
    limiter.refused(now, now, retry_after)


def succeed(limiter: Limiter, now: float) -> None:
    begin(limiter, now)
    limiter.succeeded(now, now)


# An allowance that is set


@simulated
@given(
    st.integers(1, 40),
    st.integers(1, 20),
    st.floats(0.01, 30),
    st.floats(0, 0.5),
    st.integers(1, 99),
)
def test_no_rolling_minute_holds_more_than_the_allowance(
    per_minute: int, at_once: int, slowest: float, refused: float, seed: int
) -> None:
    """Whatever is refused, by begin and by arrival."""
    chance = Random(seed)  # noqa: S311 - a model
    arrivals: list[float] = []

    def server(now: float, _: int) -> waits.Said:
        arrivals.append(now)
        return waits.Said(refused=chance.random() < refused, after=1)

    limiter = Limiter(per_minute, at_once=at_once)
    log = waits.run(limiter, server, 200, workers=20, seed=seed, fastest=0.01, slowest=slowest, most=900)
    assert most_within(log.begins, 60) <= per_minute
    assert most_within(arrivals, 60) <= per_minute
    assert limiter.allowance == per_minute


@simulated
@given(st.integers(1, 40), st.floats(0, 0.99), st.integers(1, 99))
def test_a_set_allowance_is_kept_by_every_clock_and_used_up(per_minute: int, phase: float, seed: int) -> None:
    for server in (waits.Window(per_minute, 60), waits.Fixed(per_minute, 60, phase)):
        log = waits.run(Limiter(per_minute, at_once=16), server, 10 * per_minute, seed=seed, slowest=3)
        assert log.refusals == 0
        assert log.seconds <= 9 * 63 + 3


def test_the_allowance_goes_at_once_and_the_next_call_when_the_first_left() -> None:
    limiter = Limiter(5, at_once=16)
    begin(limiter, 0.0, 5)
    assert limiter.reserve(0.0) == math.inf
    assert limiter.in_flight == 5
    limiter.succeeded(0.5, 0.0)
    limiter.succeeded(0.75, 0.0)
    assert limiter.reserve(1.0) == 59.5
    assert limiter.resumes_at(1.0) == 60.5
    begin(limiter, 60.5)
    assert limiter.reserve(60.5) == 0.25


def test_a_call_without_an_answer_counts_as_one_of_the_minute() -> None:
    limiter = Limiter(1, at_once=16)
    begin(limiter, 0.0)
    limiter.failed(2.0)
    assert limiter.in_flight == 0
    assert limiter.reserve(2.0) == 60.0
    begin(limiter, 62.0)


def test_a_set_allowance_that_is_not_used_up_is_not_what_a_429_is_about() -> None:
    limiter = Limiter(100, at_once=16)
    refuse(limiter, 0.0)
    assert limiter.reserve(0.0) == 1.0
    succeed(limiter, 1.0)
    begin(limiter, 1.0, 2)
    assert limiter.allowance == 100


# No allowance known


@pytest.mark.parametrize(("at_once", "first"), [(16, 4), (4, 4), (3, 3), (1, 1)])
def test_an_unknown_allowance_begins_with_four_calls_at_once(at_once: int, first: int) -> None:
    limiter = Limiter(None, at_once=at_once)
    begin(limiter, 0.0, first)
    assert limiter.reserve(0.0) == math.inf
    assert limiter.allowance is None
    assert limiter.resumes_at(0.0) is None


def test_the_sixth_call_and_the_next_go_alone_and_then_every_success_adds_one() -> None:
    """Five calls a minute are the free plan's."""
    limiter = Limiter(None, at_once=6)
    begin(limiter, 0.0, 4)
    for _ in range(4):
        limiter.succeeded(1.0, 0.0)
    crowds = []
    for second in range(2, 8):
        while limiter.reserve(second) == 0.0:
            pass
        crowds.append(limiter.in_flight)
        for _ in range(limiter.in_flight):
            limiter.succeeded(second + 0.5, second)
    assert crowds == [1, 1, 2, 4, 6, 6]


@pytest.mark.parametrize("spent", [0, 2, 5, 7])
def test_calls_of_others_count_in_the_first_minute(spent: int) -> None:
    limiter = Limiter(5, at_once=8)
    limiter.spent(spent, 100.0)
    for _ in range(max(0, 5 - spent)):
        succeed(limiter, 100.0)
    assert limiter.reserve(100.0) == pytest.approx(60.0)
    begin(limiter, 160.0, max(1, min(spent, 5)))


@pytest.mark.parametrize("per_second", [1, 10, 80])
def test_a_part_of_the_calls_of_a_second_may_be_all_there_are(per_second: int) -> None:
    limiter = Limiter(None, at_once=8, per_second=per_second)
    for _ in range(per_second):
        succeed(limiter, 1.0)
    assert limiter.reserve(1.0) == pytest.approx(1.0)
    begin(limiter, 2.0)


@simulated
@given(st.floats(0.02, 1.0), st.integers(1, 64), st.integers(1, 99))
def test_no_second_holds_more_than_eighty_calls(slowest: float, at_once: int, seed: int) -> None:
    limiter = Limiter(None, at_once=at_once)
    log = waits.run(
        limiter, lambda _now, _q: waits.OK, 400, workers=at_once, seed=seed, fastest=0.01, slowest=slowest
    )
    assert most_within(log.begins, 1.0) <= 80


# Silence


@pytest.mark.parametrize("per_minute", [None, 1000])
def test_refused_again_and_again_the_waits_double_up_to_a_minute(per_minute: int | None) -> None:
    limiter = Limiter(per_minute, at_once=16)
    now, silences = 0.0, []
    for _ in range(9):
        refuse(limiter, now)
        silences.append(limiter.reserve(now))
        now += silences[-1]
    assert silences == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    succeed(limiter, now)
    refuse(limiter, now)
    assert limiter.reserve(now) == 1, "a success ends the row"


@pytest.mark.parametrize(
    ("retry_after", "silences"),
    [
        (1.0, [1, 2, 4, 8, 16, 32, 60, 60]),
        (7.0, [7, 14, 28, 56, 60, 60]),
        (45.0, [45, 60, 60]),
        (90.0, [90, 90]),
        (3600.0, [3600, 3600]),
        (0.0, [1, 2, 4]),
        (0.25, [0.25, 0.5, 1]),
    ],
)
def test_retry_after_is_obeyed_and_doubled_from_its_own_value(
    retry_after: float, silences: list[float]
) -> None:
    limiter = Limiter(None, at_once=16)
    now = 0.0
    for silence in silences:
        refuse(limiter, now, retry_after)
        assert limiter.reserve(now) == silence
        assert limiter.resumes_at(now) == now + silence
        now += silence


@given(st.lists(st.tuples(st.floats(0, 0.9), st.none() | st.floats(0.5, 100)), min_size=1, max_size=4))
def test_calls_that_were_under_way_together_are_refused_once(
    refusals: list[tuple[float, float | None]],
) -> None:
    """The longest Retry-After of them counts, and nothing begins before it has passed."""
    limiter = Limiter(None, at_once=16)
    begin(limiter, 0.0, len(refusals))
    ends: list[float] = []
    for after, named in sorted(refusals, key=lambda refusal: refusal[0]):
        limiter.refused(1.0 + after, 0.0, named)
        ends.append(1.0 + after + (named or (0.0 if ends else 1.0)))
    now = 1.0 + max(after for after, _ in refusals)
    if max(ends) > now:
        assert math.isclose(now + limiter.reserve(now), max(ends))
    now = max(now, *ends) if len(ends) > 1 else max(now, ends[0])
    refuse(limiter, now + 1e-6)
    assert math.isclose(limiter.reserve(now + 1e-6), 2.0), "it was one refusal so far"


def test_after_a_429_one_call_goes_alone() -> None:
    limiter = Limiter(None, at_once=16)
    refuse(limiter, 0.0)
    begin(limiter, 1.0)
    assert limiter.reserve(1.0) == math.inf
    limiter.succeeded(1.5, 1.0)
    begin(limiter, 1.5, 2)


@given(st.floats(0.0, 1e9), st.floats(1e-6, 1e4))
def test_asked_again_after_exactly_the_wait_a_call_begins(now: float, retry_after: float) -> None:
    limiter = Limiter(None, at_once=16)
    refuse(limiter, now, retry_after)
    begin(limiter, now + limiter.reserve(now))


# Learning


def free_plan(limiter: Limiter, retry_after: float | None = None) -> None:
    """Five calls, and a 429 at the moment 0."""
    for _ in range(5):
        succeed(limiter, 0.0)
    refuse(limiter, 0.0, retry_after)


def test_after_five_calls_a_429_is_the_free_plan_s_and_tried_out_after_each_silence() -> None:
    limiter = Limiter(None, at_once=16)
    free_plan(limiter)
    moments = [0.0]
    while moments[-1] < 60:
        moments.append(moments[-1] + limiter.reserve(moments[-1]))
        begin(limiter, moments[-1])
        assert limiter.allowance == 5
        limiter.refused(moments[-1], moments[-1], None)
    assert moments == [0, 1, 3, 7, 15, 31, 63]


def test_refused_until_the_minute_has_room_a_limit_is_proven() -> None:
    limiter = Limiter(None, at_once=16)
    free_plan(limiter)
    for moment in (1.0, 3.0, 7.0, 15.0, 31.0):
        refuse(limiter, moment)
    for _ in range(5):
        succeed(limiter, 63.0)
    assert limiter.reserve(63.0) == 60.0
    assert limiter.allowance == 5


@pytest.mark.parametrize("tries", range(4))
@pytest.mark.parametrize("retry_after", [None, 0.5, 1.0, 2.0, 3.5])
def test_a_limit_that_was_chance_is_forgotten_at_the_first_success(
    tries: int, retry_after: float | None
) -> None:
    limiter = Limiter(None, at_once=16)
    free_plan(limiter, retry_after)
    now = 0.0
    for _ in range(tries):
        now += limiter.reserve(now)
        refuse(limiter, now, retry_after)
    now += limiter.reserve(now)
    assert now == (retry_after or 1.0) * (2 ** (tries + 1) - 1)
    succeed(limiter, now)
    assert limiter.allowance is None
    begin(limiter, now, 2)


def test_retry_after_that_names_the_whole_minute_proves_a_limit() -> None:
    limiter = Limiter(None, at_once=16)
    free_plan(limiter, 59.0)
    assert limiter.reserve(0.0) == 59.0
    assert limiter.reserve(59.0) == 1.0
    assert limiter.allowance == 5


def test_nothing_below_five_a_minute_is_believed() -> None:
    limiter = Limiter(None, at_once=16)
    log = waits.run(limiter, waits.Window(3, 60), 30)
    assert limiter.allowance in (None, 5)
    assert log.seconds < math.inf


def test_a_limit_that_was_raised_is_found() -> None:
    limiter = Limiter(None, at_once=16)
    server = waits.Window(20, 60)
    waits.run(limiter, server, 100)
    assert limiter.allowance == 20
    raised = waits.Window(2000, 60)
    log = waits.run(limiter, lambda now, q: raised(now + 7200, q), 4000, start=waits.START + 7200)
    assert log.seconds < 4 * 3600


def test_memory_is_bounded_by_the_calls_of_a_minute() -> None:
    limiter = Limiter(None, at_once=64)
    waits.run(limiter, lambda _now, _q: waits.OK, 20_000, workers=64, fastest=0.001, slowest=0.002)
    assert len(limiter._calls._ends) <= 80 * 61
