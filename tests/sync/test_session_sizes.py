"""Sessions beside each other, in whatever order their answers come."""

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sync.session_sizes import SessionSizes

counts = st.dictionaries(st.integers(0, 30), st.integers(0, 100) | st.none(), max_size=12)


@given(counts, st.data())
def test_every_answer_is_judged_once_and_beside_another(
    found: dict[int, int | None], data: st.DataObject
) -> None:
    """Also where some are no sessions, cannot be had, or never come."""
    places = sorted(found)
    closed = data.draw(st.sets(st.sampled_from(places)) if places else st.just(set()))
    sessions = [place for place in places if place not in closed]
    come = data.draw(st.permutations(places))[: data.draw(st.integers(0, len(places)))]
    sizes = SessionSizes(sessions)
    judged: list[int] = []
    answered: set[int] = set()
    for place in come:
        answered.add(place)
        for ready in sizes.answered(place, None if place in closed else found[place]):
            judged.append(ready)
            if ready not in closed and len(sessions) > 1:
                index = sessions.index(ready)
                beside = sessions[index - 1] if index else sessions[1]
                assert beside in answered
                few, many = found[ready], found[beside]
                if few is not None:
                    assert sizes.is_half(ready, few) == (many is not None and 2 * few < many)
    left = sizes.left()
    assert sorted([*judged, *left]) == sorted(come)
    assert sizes.left() == []
    if set(come) == set(places):
        assert left == []


def test_a_session_alone_is_judged_at_once() -> None:
    sizes = SessionSizes([0])
    assert sizes.answered(0, 5) == [0]
    assert not sizes.is_half(0, 0)
