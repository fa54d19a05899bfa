"""The parts of an allowance: whatever runs when, their sum is what was set."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.marketdata.limiter import PER_SECOND, Limiter
from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.allowance_parts import most_partitions, shares

some_settings = st.builds(
    Settings,
    st.just(""),
    requests_per_minute=st.none() | st.integers(1, 500),
    max_concurrent_requests=st.integers(1, 64),
)


@given(some_settings, st.integers(1, 100), st.integers(0, 20))
def test_the_parts_are_exactly_the_whole(whole: Settings, wanted: int, spent: int) -> None:
    count = most_partitions(whole, wanted)
    parts = shares(whole, count, spent=spent)
    assert 1 <= len(parts) == count <= wanted
    assert sum(part.max_concurrent_requests for part in parts) == whole.max_concurrent_requests
    assert sum(part.most_per_second for part in parts) == PER_SECOND
    assert all(part.max_concurrent_requests >= 1 <= part.most_per_second for part in parts)
    minutes = [part.requests_per_minute for part in parts if part.requests_per_minute is not None]
    if whole.requests_per_minute is None:
        assert minutes == []
        assert all(part.spent == 0 for part in parts)
    else:
        assert sum(minutes) == whole.requests_per_minute
        assert min(minutes) >= 1
        assert max(minutes) - min(minutes) <= 1
        assert sum(part.spent for part in parts) == min(spent, whole.requests_per_minute)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 10), st.integers(0, 5), st.integers(1, 99))
def test_no_rolling_minute_of_all_partitions_and_tries_holds_more_than_the_allowance(
    per_minute: int, wanted: int, spent: int, seed: int
) -> None:
    """Partitions begin at any time, some fail and are tried again; the driver has made calls before."""
    chance = Random(seed)  # noqa: S311 - a model
    whole = Settings("", requests_per_minute=per_minute)
    spent = min(spent, per_minute)
    calls = [0.0] * spent
    for share in shares(whole, most_partitions(whole, wanted), spent=spent):
        now = chance.uniform(0, 200)
        for attempt in range(chance.randint(1, 3)):
            own = share.of(whole, again=attempt > 0)
            limiter = Limiter(own.requests_per_minute, at_once=own.max_concurrent_requests)
            limiter.spent(own.spent, now)
            for _ in range(chance.randint(1, 3 * per_minute)):
                while wait := limiter.reserve(now):
                    now += wait
                calls.append(now)
                now += chance.uniform(0, 0.2)
                limiter.succeeded(now, now)
    calls.sort()
    for first, last in zip(calls, calls[per_minute:], strict=False):
        assert last - first >= 60.0
