"""Sessions beside each other, in whatever order their answers come."""

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sync.session_sizes import SessionSizes

counts = st.dictionaries(st.integers(0, 30), st.integers(0, 100) | st.none(), max_size=12)


@given(counts, st.data())
def test_every_answer_is_judged_once_and_after_the_session_before_it(
    found: dict[int, int | None], data: st.DataObject
) -> None:
    """Also where some are no sessions, cannot be had, or never come."""
    places = sorted(found)
    closed = data.draw(st.sets(st.sampled_from(places)) if places else st.just(set()))
    sessions = [place for place in places if place not in closed]
    come = data.draw(st.permutations(places))[: data.draw(st.integers(0, len(places)))]
    sizes = SessionSizes(sessions)
    judged: list[int] = []
    for place in come:
        sizes.answered(place, None if place in closed else found[place])
        while (ready := sizes.take_ready()) is not None:
            if ready not in closed:
                index = sessions.index(ready)
                if index:
                    assert sessions[index - 1] in judged
                    assert sizes.traded_before(ready) == frozenset({str(sessions[index - 1])})
                else:
                    assert sizes.traded_before(ready) is None
                _beside_is_known(sizes, sessions, index, found)
            judged.append(ready)
            sizes.judged(ready, frozenset({str(ready)}))
    left = sizes.take_left()
    assert sorted([*judged, *left]) == sorted(come)
    assert sizes.take_left() == []
    if set(come) == set(places):
        assert left == []
    assert len(sizes._traded) <= 1, "who traded is kept for the next session only"


def _beside_is_known(
    sizes: SessionSizes, sessions: list[int], index: int, found: dict[int, int | None]
) -> None:
    if len(sessions) > 1:
        few, many = found[sessions[index]], found[sessions[index - 1 if index else 1]]
        if few is not None:
            assert sizes.is_half(sessions[index], few) == (many is not None and 2 * few < many)


def test_a_session_alone_is_judged_at_once() -> None:
    sizes = SessionSizes([0])
    assert sizes.take_ready() is None
    sizes.answered(0, 5)
    assert sizes.is_next(0)
    assert sizes.take_ready() == 0
    assert not sizes.is_half(0, 0)


def test_an_answer_that_comes_again_is_judged_again() -> None:
    sizes = SessionSizes([0, 1])
    sizes.answered(1, 9)
    assert not sizes.is_next(1)
    sizes.answered(0, 2)
    assert sizes.take_ready() == 0
    assert sizes.is_half(0, 2)
    assert sizes.take_ready() is None
    sizes.answered(0, 8)
    assert sizes.take_ready() == 0
    sizes.judged(0, None)
    assert sizes.take_ready() == 1
