"""The parts of an allowance: whatever runs when, their sum is what was set."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.marketdata.limiter import PER_SECOND, Limiter
from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.allowance_parts import (
    Share,
    most_calling,
    most_partitions,
    shares,
    shares_with_files,
)

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


@given(some_settings, st.lists(st.booleans(), max_size=100), st.integers(0, 20))
def test_the_parts_of_slices_with_files_are_the_whole_as_long_as_there_is_enough(
    whole: Settings, has_files: list[bool], spent: int
) -> None:
    at_once = most_partitions(whole, len(has_files)) < len(has_files)
    if whole.requests_per_minute is not None and at_once:
        return  # no such slices are made
    if has_files.count(False) > most_partitions(whole, 100):
        return  # as above
    parts = shares_with_files(whole, has_files, spent=spent)
    assert len(parts) == len(has_files)
    if not at_once:
        assert parts == (shares(whole, len(parts), spent=spent) if parts else [])
        return
    of_files = [part for part, files in zip(parts, has_files, strict=True) if files]
    others = [part for part, files in zip(parts, has_files, strict=True) if not files]
    assert all(part == Share(None, 1, 1) for part in of_files)
    assert sum(part.max_concurrent_requests for part in others) == (
        whole.max_concurrent_requests if others else 0
    )


@given(some_settings, st.booleans())
def test_what_is_set_bounds_the_slices_that_make_calls(
    whole: Settings,
    at_once_is_set: bool,  # noqa: FBT001 - a case
) -> None:
    most = most_calling(whole, at_once_is_set=at_once_is_set)
    if whole.requests_per_minute is None and not at_once_is_set:
        assert most is None
        return
    assert most is not None
    assert 1 <= most <= whole.max_concurrent_requests
    assert most <= (whole.requests_per_minute or most)


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
