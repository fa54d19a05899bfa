"""The limiter against model servers, in simulated time."""

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.limiter import Limiter, _Belief

HOUR = 3600.0
START = 1000.0  # the monotonic clock begins anywhere

Server = Callable[[float], bool | None]  # time of arrival to: answered, refused, or lost (None)
Trip = tuple[float, float]  # seconds to the server and back

# Whole simulations: the same ones each time, since a limit met by chance would stop other people's work.
simulated = settings(deadline=None, derandomize=True, max_examples=25)


class Rolling:
    """Grants `allowance` calls in any 60 s."""

    def __init__(self, allowance: int, *, counts_refused: bool = False, spent: int = 0) -> None:
        self.allowance = allowance
        self.counts_refused = counts_refused
        self.granted = deque([START] * spent)

    def __call__(self, now: float) -> bool:
        while self.granted and self.granted[0] + 60 <= now:
            self.granted.popleft()
        room = len(self.granted) < self.allowance
        if room or self.counts_refused:
            self.granted.append(now)
        return room


class Fixed:
    """Grants `allowance` calls in each minute of its own clock."""

    def __init__(self, allowance: int, phase: float) -> None:
        self.allowance = allowance
        self.phase = phase
        self.minute = -math.inf
        self.granted = 0

    def __call__(self, now: float) -> bool:
        minute = (now - self.phase) // 60
        if minute != self.minute:
            self.minute, self.granted = minute, 0
        self.granted += 1
        return self.granted <= self.allowance


def generous(_now: float) -> bool:
    return True


def storm(server: Server, begins: float, ends: float) -> Server:
    return lambda now: False if begins <= now < ends else server(now)


@dataclass
class Log:
    begins: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    lessons: list[float] = field(default_factory=list)  # refusals, less those in flight at the one before
    most_in_flight: int = 0

    def answered(self, since: float, until: float) -> int:
        return sum(since <= at < until for at in self.answers)


def sync(
    limiter: Limiter,
    server: Server,
    trips: list[Trip],
    *,
    seconds: float,
    callers: int = 20,
    retry_after: float | None = None,
) -> Log:
    """`callers` that always have a call to make, as the client drives the limiter."""
    log = Log()
    trip: Iterator[Trip] = cycle(trips)
    events: list[tuple[float, int, float, float, bool | None]] = []
    now, wake, order, idle = START, -math.inf, 0, callers
    while now < START + seconds:
        while idle and (wait := limiter.reserve(now)) == 0.0:
            there, back = next(trip)
            log.begins.append(now)
            log.arrivals.append(now + there)
            heapq.heappush(events, (now + there, order, now, now + there + back, None))
            order, idle = order + 1, idle - 1
        if idle:
            assert wait > 0
            wake = now + wait
        log.most_in_flight = max(log.most_in_flight, limiter.in_flight)
        if not events or (idle and wake < events[0][0]):
            assert idle
            assert wake < math.inf, "nobody will ever wake the callers"
            now = wake
            continue
        now, _, begun, ends, verdict = heapq.heappop(events)
        if ends > now:
            granted = server(now)
            heapq.heappush(events, (ends, order, begun, -math.inf, granted))
            order += 1
            continue
        idle += 1
        if ends == now:  # a trip back of no time
            verdict = server(now)
        if verdict is None:
            limiter.failed(now)
        elif verdict:
            limiter.succeeded(now)
            log.answers.append(now)
        else:
            limiter.refused(now, retry_after)
            log.refusals.append(now)
            if not log.lessons or begun > log.lessons[-1]:
                log.lessons.append(now)
    return log


def most_within(times: list[float], seconds: float) -> int:
    """The most of the sorted times in any half-open span of so many seconds."""
    first = most = 0
    for last, time in enumerate(times):
        while times[first] + seconds <= time:
            first += 1
        most = max(most, last - first + 1)
    return most


def trips(slowest: float) -> st.SearchStrategy[list[Trip]]:
    leg = st.floats(0.01, slowest / 2)
    return st.lists(st.tuples(leg, leg), min_size=1, max_size=9)


def begin(limiter: Limiter, now: float, count: int) -> None:
    assert [limiter.reserve(now) for _ in range(count)] == [0.0] * count


def learned(allowance: int, now: float) -> Limiter:
    """A limiter that was just taught an allowance, its calls all ended at `now`."""
    limiter = Limiter(None, at_once=16)
    for _ in range(allowance):
        begin(limiter, now, 1)
        limiter.succeeded(now)
    begin(limiter, now, 1)
    limiter.refused(now, None)
    assert limiter.allowance == allowance
    return limiter


# An allowance that is set


@simulated
@given(
    st.integers(1, 40),
    st.integers(1, 20),
    trips(30.0),
    st.lists(st.sampled_from([True, True, True, True, False, None]), min_size=1, max_size=50),
)
def test_no_rolling_minute_holds_more_than_the_allowance(
    per_minute: int, at_once: int, trips: list[Trip], verdicts: list[bool | None]
) -> None:
    verdict = cycle(verdicts)
    log = sync(Limiter(per_minute, at_once=at_once), lambda _: next(verdict), trips, seconds=900)
    assert most_within(log.begins, 60) <= per_minute
    assert most_within(sorted(log.arrivals), 60) <= per_minute
    assert log.most_in_flight <= at_once


@simulated
@given(st.integers(1, 40), trips(3.0), st.floats(0, 60))
def test_a_set_allowance_is_kept_by_every_clock_and_used_up(
    per_minute: int, trips: list[Trip], phase: float
) -> None:
    for server in (Rolling(per_minute), Fixed(per_minute, phase)):
        log = sync(Limiter(per_minute, at_once=16), server, trips, seconds=1200)
        assert log.refusals == []
        # 63 s at most from the begin of a call to the begin of the one in its place
        assert len(log.begins) >= per_minute * (1200 // 63)


def test_the_allowance_goes_at_once_and_the_next_call_when_the_first_left() -> None:
    limiter = Limiter(5, at_once=16)
    begin(limiter, 0.0, 5)
    assert limiter.reserve(0.0) == math.inf
    assert limiter.in_flight == 5
    limiter.succeeded(0.5)
    limiter.succeeded(0.75)
    assert limiter.reserve(1.0) == 59.5
    assert limiter.resumes_at(1.0) == 60.5
    begin(limiter, 60.5, 1)
    assert limiter.reserve(60.5) == 0.25


def test_a_call_without_an_answer_counts_as_one_of_the_minute() -> None:
    limiter = Limiter(1, at_once=16)
    begin(limiter, 0.0, 1)
    limiter.failed(2.0)
    assert limiter.in_flight == 0
    assert limiter.reserve(2.0) == 60.0
    begin(limiter, 62.0, 1)


def test_a_set_allowance_that_is_too_high_costs_one_429_a_minute_and_stays() -> None:
    limiter = Limiter(10, at_once=16)
    log = sync(limiter, Rolling(5), [(0.1, 0.1)], seconds=HOUR)
    assert limiter.allowance == 10
    assert len(log.lessons) <= 60
    assert len(log.answers) >= 0.9 * 5 * 60


def test_another_user_of_the_key_never_stops_a_set_allowance_for_long() -> None:
    theirs = Random(7)  # noqa: S311 - a model, not a secret
    limiter = Limiter(5, at_once=16)
    log = sync(limiter, lambda _: theirs.random() > 0.2, [(0.1, 0.1)], seconds=HOUR)
    assert limiter.allowance == 5
    assert max(later - earlier for earlier, later in pairwise(log.answers)) <= 1000
    assert len(log.answers) >= 90


# No allowance known


@pytest.mark.parametrize(("at_once", "first"), [(16, 4), (4, 4), (3, 3), (1, 1)])
def test_an_unknown_allowance_begins_with_four_calls_at_once(at_once: int, first: int) -> None:
    limiter = Limiter(None, at_once=at_once)
    begin(limiter, 0.0, first)
    assert limiter.reserve(0.0) == math.inf
    assert limiter.allowance is None
    assert limiter.resumes_at(0.0) is None


def test_each_success_adds_one_call_at_once_up_to_the_most() -> None:
    limiter = Limiter(None, at_once=6)
    begin(limiter, 0.0, 4)
    crowds = []
    for _ in range(4):
        limiter.succeeded(1.0)
        while limiter.reserve(1.0) == 0.0:
            pass
        crowds.append(limiter.in_flight)
    assert crowds == [5, 6, 6, 6]


@simulated
@given(trips(1.0), st.integers(1, 200))
def test_no_second_holds_more_than_eighty_calls(trips: list[Trip], at_once: int) -> None:
    log = sync(Limiter(None, at_once=at_once), generous, trips, seconds=20, callers=200)
    assert most_within(log.begins, 1) <= 80
    assert log.most_in_flight <= at_once


# Learning a constant allowance


@simulated
@given(st.integers(1, 30), trips(2.0), st.booleans(), st.integers(5, 32))
def test_a_rolling_allowance_costs_at_most_three_more_429s_in_three_hours(
    allowance: int,
    trips: list[Trip],
    counts_refused: bool,  # noqa: FBT001 - drawn
    at_once: int,
) -> None:
    limiter = Limiter(None, at_once=at_once)
    server = Rolling(allowance, counts_refused=counts_refused)
    log = sync(limiter, server, trips, seconds=3 * HOUR)
    assert limiter.allowance == allowance
    assert len(log.lessons) <= 4
    assert log.answered(START + HOUR, START + 3 * HOUR) >= 0.9 * allowance * 120


@simulated
@given(st.integers(1, 30), trips(2.0), st.floats(0, 60), st.integers(5, 32))
def test_a_fixed_allowance_costs_at_most_three_more_429s_in_three_hours(
    allowance: int, trips: list[Trip], phase: float, at_once: int
) -> None:
    log = sync(Limiter(None, at_once=at_once), Fixed(allowance, phase), trips, seconds=3 * HOUR)
    assert len(log.lessons) <= 4
    # Half is what remains where windows misled three times; test_nearly_all... tells the usual.
    assert log.answered(START + HOUR, START + 3 * HOUR) >= 0.45 * allowance * 120


@pytest.mark.parametrize("allowance", [1, 2, 5, 10, 100])
def test_nearly_all_of_a_fixed_allowance_is_used_whatever_its_phase(allowance: int) -> None:
    uses = []
    for phase in range(0, 60, 4 if allowance < 100 else 30):
        log = sync(Limiter(None, at_once=16), Fixed(allowance, phase), [(0.05, 0.1)], seconds=HOUR)
        assert len(log.lessons) <= 4
        uses.append(log.answered(START, START + HOUR) / (allowance * 60))
    assert min(uses) >= 0.85


def test_the_free_plan_is_used_up_after_two_429s() -> None:
    limiter = Limiter(None, at_once=16)
    log = sync(limiter, Rolling(5), [(0.1, 0.2), (0.05, 0.1)], seconds=HOUR)
    assert limiter.allowance == 5
    assert len(log.answers) >= 5 * 60 * 0.9
    assert len(log.lessons) <= 4
    assert len([at for at in log.refusals if at > log.lessons[0] + 1]) == len(log.lessons) - 1


def test_429s_of_calls_in_flight_together_are_one_lesson() -> None:
    limiter = Limiter(None, at_once=16)
    begin(limiter, 0.0, 4)
    limiter.succeeded(0.1)
    limiter.succeeded(0.1)
    begin(limiter, 0.1, 4)
    limiter.refused(0.2, None)
    assert limiter.reserve(0.2) == math.inf
    assert limiter.resumes_at(0.2) is None
    limiter.succeeded(0.3)
    limiter.failed(0.3)
    limiter.refused(0.3, None)
    limiter.refused(0.4, None)
    before = limiter.allowance
    limiter.refused(0.5, None)
    assert (before, limiter.allowance) == (None, 3)
    assert limiter.resumes_at(0.5) == 60.5


def test_after_a_429_one_call_goes_alone() -> None:
    limiter = learned(8, 0.0)
    begin(limiter, 60.0, 1)
    assert limiter.reserve(60.0) == math.inf
    limiter.succeeded(60.5)
    begin(limiter, 60.5, 2)
    assert limiter.reserve(60.5) == math.inf


def test_where_the_next_call_may_be_refused_it_goes_alone() -> None:
    limiter = learned(9, 0.0)
    for now in range(60, 64):  # five of nine are sure
        begin(limiter, now, 1)
        limiter.succeeded(now + 0.5)
    begin(limiter, 64.0, 1)
    assert limiter.reserve(64.0) == 56.5  # when the first of the five leaves the minute
    limiter.succeeded(65.0)
    begin(limiter, 65.0, 1)
    assert limiter.reserve(65.0) == 56.5  # when the second has left it, too


def test_an_allowance_learned_while_another_process_used_it_grows_to_what_it_is() -> None:
    limiter = Limiter(None, at_once=16)
    log = sync(limiter, Rolling(10, spent=9), [(0.1, 0.1)], seconds=HOUR)
    assert limiter.allowance == 10
    assert len(log.lessons) <= 4


def test_an_allowance_that_was_raised_is_found_within_an_hour() -> None:
    limiter = Limiter(None, at_once=16)
    server = Rolling(5)

    def raised(now: float) -> bool:
        server.allowance = 5 if now < START + 1000 else 8
        return server(now)

    log = sync(limiter, raised, [(0.1, 0.1)], seconds=2 * HOUR)
    assert limiter.allowance == 8
    assert len(log.lessons) <= 4


def test_an_allowance_that_was_lowered_is_found_within_an_hour() -> None:
    limiter = Limiter(None, at_once=16)
    server = Rolling(40)

    def lowered(now: float) -> bool:
        server.allowance = 40 if now < START + 1000 else 5
        return server(now)

    log = sync(limiter, lowered, [(0.1, 0.1)], seconds=2 * HOUR)
    assert limiter.allowance is not None
    assert limiter.allowance <= 5
    assert log.answered(START + HOUR, START + 2 * HOUR) >= 0.75 * 5 * 60


def test_an_allowance_that_is_not_used_up_is_not_tried_further() -> None:
    limiter = learned(10, START)
    log = sync(limiter, generous, [(5.0, 5.0)], seconds=1200, callers=1)
    assert len(log.answers) >= 100
    assert limiter.allowance == 10


def test_two_minutes_of_use_after_the_silence_prove_an_allowance() -> None:
    limiter = learned(1, 0.0)
    for now in (60.0, 120.0):
        begin(limiter, now, 1)
        limiter.succeeded(now)
        assert limiter.allowance == 1
    begin(limiter, 180.0, 1)
    limiter.succeeded(180.0)
    assert limiter.allowance == 2


@pytest.mark.parametrize(
    ("bad", "tries", "tried"),
    [
        (None, 3, 200),
        (180, 2, 110),
        (180, 1, 100),  # the last try is kept
        (180, 0, 100),
        (105, 2, 101),
        (103, 2, 100),  # not worth a 429
        (101, 2, 100),
    ],
)
def test_more_is_tried_where_it_is_worth_a_429(bad: int | None, tries: int, tried: int) -> None:
    belief = _Belief(100, good=50, bad=bad, tries=tries).risen(100.0)
    assert (belief.good, belief.allowance) == (100, tried)


# Refusals that no constant allowance explains


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("one_in", [300, 500, 1000])
def test_a_plan_that_refuses_now_and_then_is_at_full_speed_within_an_hour(one_in: int, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - a model, not a secret
    limiter = Limiter(None, at_once=4)
    log = sync(limiter, lambda _: chance.random() * one_in > 1, [(0.15, 0.15)], seconds=HOUR, callers=5)
    # 8000 is what four calls at once can do in ten minutes
    assert log.answered(START + HOUR - 600, START + HOUR) >= 0.5 * 8000


def test_a_429_every_so_many_calls_is_no_allowance() -> None:
    calls = iter(range(10**6))
    limiter = Limiter(None, at_once=4)
    sync(limiter, lambda _: next(calls) % 500 != 499, [(0.15, 0.15)], seconds=HOUR, callers=5)
    assert limiter.allowance is None


@simulated
@given(st.sampled_from([None, 1, 5, 20]), st.floats(0, 2000), st.floats(0, 60), trips(1.0), st.booleans())
def test_a_storm_of_ten_minutes_costs_three_more_429s_and_leaves_no_trace(
    allowance: int | None,
    begins: float,
    phase: float,
    trips: list[Trip],
    fixed: bool,  # noqa: FBT001 - drawn
) -> None:
    limiter = Limiter(None, at_once=4)
    if allowance is None:
        calm: Server = generous
    else:
        calm = Fixed(allowance, phase) if fixed else Rolling(allowance)
    before: list[int | None] = []
    begins += START

    def server(now: float) -> bool | None:
        if begins <= now < begins + 600:
            before.append(limiter.allowance)
            return False
        return calm(now)

    log = sync(limiter, server, trips, seconds=begins - START + 1000, callers=5)
    in_storm = [at for at in log.lessons if begins <= at <= begins + 601]
    assert 1 <= len(in_storm) <= 4
    if allowance is None:
        assert limiter.allowance is None
    else:
        assert limiter.allowance is None or limiter.allowance >= (before[0] or 1)


@pytest.mark.parametrize("begins", [0.5, 30.0, 2000.0])
def test_a_storm_brings_back_what_was_known_before_it(begins: float) -> None:
    for calm, known in ((Rolling(5), 5), (generous, None)):
        limiter = Limiter(None, at_once=16)
        server = storm(calm, START + begins, START + begins + 600)
        log = sync(limiter, server, [(0.1, 0.2)], seconds=begins + 1200, callers=5)
        assert limiter.allowance == known
        assert sum(begins <= at - START <= begins + 601 for at in log.lessons) <= 4


@pytest.mark.parametrize("begins", [0.0, 0.5, 100.0])
def test_a_short_storm_does_not_leave_the_sync_at_a_crawl(begins: float) -> None:
    limiter = Limiter(None, at_once=4)
    server = storm(generous, START + begins, START + begins + 30)
    log = sync(limiter, server, [(0.5, 0.5)], seconds=HOUR, callers=5)
    assert len(log.lessons) == 1
    assert log.answered(START + HOUR - 600, START + HOUR) >= 0.9 * 4 * 600


def test_a_429_before_any_answer_teaches_nothing() -> None:
    limiter = Limiter(None, at_once=16)
    begin(limiter, 0.0, 1)
    limiter.refused(1.0, None)
    assert limiter.allowance is None
    assert limiter.reserve(1.0) == 60.0


def test_while_everything_is_refused_the_waits_double_and_one_call_goes_at_a_time() -> None:
    limiter = Limiter(None, at_once=16)
    now, waits = 0.0, []
    for _ in range(6):
        begin(limiter, now, 1)
        limiter.refused(now, None)
        waits.append(limiter.reserve(now))
        now += waits[-1]
    assert waits == [60, 120, 240, 480, 480, 480]
    begin(limiter, now, 1)
    assert limiter.reserve(now) == math.inf


def test_a_429_that_nothing_explains_is_asked_about_a_second_later() -> None:
    limiter = learned(8, 0.0)
    begin(limiter, 60.0, 1)
    limiter.succeeded(60.0)
    begin(limiter, 60.0, 1)
    limiter.refused(60.0, None)  # one answered, after eight
    assert limiter.reserve(60.0) == 1.0
    begin(limiter, 61.0, 1)
    limiter.succeeded(61.0)
    assert limiter.allowance == 8


def test_refused_again_a_second_later_it_teaches_like_any_other() -> None:
    limiter = learned(8, 0.0)
    begin(limiter, 60.0, 1)
    limiter.succeeded(60.0)
    begin(limiter, 60.0, 1)
    limiter.refused(60.0, None)
    begin(limiter, 61.0, 1)
    limiter.refused(61.0, None)
    assert limiter.reserve(61.0) == 120.0
    assert limiter.allowance == 4


@pytest.mark.parametrize(("begun", "silence"), [(119.5, 60.0), (120.0, 1.0)])
def test_a_429_is_explained_by_the_calls_that_left_the_minute_on_its_way(
    begun: float, silence: float
) -> None:
    limiter = learned(8, 0.0)
    for _ in range(7):
        begin(limiter, 60.0, 1)
        limiter.succeeded(60.0)
    begin(limiter, begun, 1)
    limiter.refused(125.0, None)
    assert limiter.reserve(125.0) == silence


def test_after_three_accidents_a_429_is_held_to_be_one_until_it_is_not() -> None:
    limiter = Limiter(100, at_once=1)
    for _ in range(8):
        begin(limiter, 0.0, 1)
        limiter.succeeded(0.0)
    now = 60.0
    for _ in range(3):
        begin(limiter, now, 1)
        limiter.refused(now, None)
        begin(limiter, now + 1, 1)
        limiter.succeeded(now + 1)
        now += 60
    for silences in ((1.0, 120.0), (60.0,)):
        for _ in range(10):
            begin(limiter, now, 1)
            limiter.succeeded(now)
        for silence in silences:
            begin(limiter, now, 1)
            limiter.refused(now, None)
            assert limiter.reserve(now) == silence
            now += silence


# Retry-After


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [(-5.0, 1.0), (0.0, 1.0), (0.5, 1.0), (7.0, 7.0), (90.0, 90.0), (86400.0, 3600.0), (math.inf, 3600.0)],
)
def test_retry_after_is_honoured_up_to_an_hour_and_never_a_busy_loop(retry_after: float, wait: float) -> None:
    for per_minute in (None, 5):
        limiter = Limiter(per_minute, at_once=4)
        begin(limiter, 10.0, 1)
        limiter.refused(10.0, retry_after)
        assert limiter.reserve(10.0) == wait
        assert limiter.resumes_at(10.0) == 10.0 + wait


def test_the_longest_retry_after_of_a_burst_counts() -> None:
    limiter = Limiter(None, at_once=4)
    begin(limiter, 0.0, 3)
    limiter.refused(1.0, 30.0)
    assert limiter.resumes_at(1.0) == 31.0
    limiter.refused(1.0, 10.0)
    limiter.refused(1.0, None)
    assert limiter.reserve(1.0) == 30.0


def test_a_retry_after_that_was_too_short_is_followed_by_patience() -> None:
    limiter = Limiter(None, at_once=4)
    now, waits = 0.0, []
    for _ in range(4):
        begin(limiter, now, 1)
        limiter.refused(now, 1.0)
        waits.append(limiter.reserve(now))
        now += waits[-1]
    assert waits == [1, 120, 240, 480]


def test_a_lesson_is_learned_once_however_short_the_retry_after() -> None:
    limiter = Limiter(None, at_once=1)
    for _ in range(2):
        begin(limiter, 0.0, 1)
        limiter.succeeded(0.0)
    begin(limiter, 0.0, 1)
    limiter.refused(0.0, 1.0)
    begin(limiter, 60.0, 1)
    limiter.succeeded(60.0)
    begin(limiter, 60.0, 1)
    limiter.refused(60.0, 2.0)
    assert limiter.allowance == 1
    begin(limiter, 120.0, 1)
    limiter.refused(120.0, 2.0)
    assert limiter.allowance == 1


@simulated
@given(st.floats(0, 5000), st.sampled_from([None, 3]), trips(1.0))
def test_no_call_begins_before_retry_after(
    retry_after: float, per_minute: int | None, trips: list[Trip]
) -> None:
    limiter = Limiter(per_minute, at_once=4)
    log = sync(limiter, Rolling(2), trips, seconds=HOUR, retry_after=retry_after)
    ordered = min(retry_after, 3600)
    for at in log.refusals:
        assert not any(at < begun < at + ordered for begun in log.begins)


# What the shell relies on


calls = st.lists(
    st.tuples(
        st.sampled_from(
            ["reserve", "reserve", "wait", "wait", "succeeded", "succeeded", "refused", "failed"]
        ),
        st.floats(0, 200) | st.floats(0, 1e-6),
        st.none() | st.floats(-10, 1e5) | st.just(math.nan),
    ),
    max_size=120,
)


@settings(deadline=None, max_examples=200)
@given(st.none() | st.integers(1, 8), st.integers(1, 8), st.floats(0, 1e9), calls)
def test_asked_again_after_exactly_the_wait_a_call_begins(
    per_minute: int | None,
    at_once: int,
    start: float,
    calls: list[tuple[str, float, float | None]],
) -> None:
    limiter = Limiter(per_minute, at_once=at_once)
    now = start
    for what, later, retry_after in calls:
        in_flight = limiter.in_flight
        if what in {"reserve", "wait"}:
            wait = limiter.reserve(now)
            assert wait >= 0
            assert limiter.in_flight == in_flight + (wait == 0)
            assert wait < math.inf or in_flight, "nothing would ever end this wait"
            if what == "wait" and 0 < wait < math.inf:
                now += wait
                assert limiter.reserve(now) == 0.0
        elif in_flight:
            now += later
            match what:
                case "succeeded":
                    limiter.succeeded(now)
                case "refused":
                    limiter.refused(now, retry_after)
                case _:
                    limiter.failed(now)
            assert limiter.in_flight == in_flight - 1
        resumes = limiter.resumes_at(now)
        assert resumes is None or now < resumes < math.inf
        assert limiter.in_flight <= at_once
        assert limiter.allowance is None or limiter.allowance >= 1
        assert per_minute is None or limiter.allowance == per_minute


def test_rounding_never_makes_a_caller_ask_twice() -> None:
    for ended, asked in ((0.4, 14.8), (3.1, 13.3), (1.6, 23.8)):
        assert asked + (ended + 60.0 - asked) < ended + 60.0
        limiter = Limiter(1, at_once=1)
        begin(limiter, 0.0, 1)
        limiter.succeeded(ended)
        begin(limiter, asked + limiter.reserve(asked), 1)


def held(limiter: Limiter) -> int:
    minute = limiter._minute
    return sum(map(len, (minute.begins, minute.ends, minute.vain, minute._left)))


def test_memory_is_bounded_by_the_allowance_however_often_it_is_used_up() -> None:
    limiter = Limiter(1000, at_once=1)
    now = 0.0
    for _ in range(5000):
        now += limiter.reserve(now)
        if not limiter.in_flight:
            begin(limiter, now, 1)
        limiter.succeeded(now)
    assert now >= 240
    assert held(limiter) <= 3 * 1000


def test_memory_is_bounded_by_the_calls_of_a_minute_where_no_allowance_is_known() -> None:
    limiter = Limiter(None, at_once=16)
    sync(limiter, generous, [(0.05, 0.05)], seconds=150)
    assert held(limiter) <= 3 * 80 * 60
