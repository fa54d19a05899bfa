"""Many syncs of one connection, whatever changes between them: what a state vouches for is there, and right.

Between syncs the configuration, the splits and the days move; any sync may be killed at any line.
"""

from typing import Any

import pytest
from connection import NAMES, SEED, STARTS, UNIVERSE, Connection, is_session_or_weekend
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import BARS, BOTH, PRICES, at

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.server import serve

TODAY = "2020-12-08"
ENDS = (None, "2020-12-04", "2020-12-06", "2020-11-26", "2020-11-30")
"""One is a Sunday, and one Thanksgiving."""
LISTS = ("few", "fewer", "otc", "many", "*")

lists = st.tuples(st.just("tickers"), st.sampled_from(LISTS))
splits = st.tuples(st.just("split"), st.tuples(st.integers(0, 2), st.integers(-20, 1)))
changes = st.one_of(
    st.tuples(st.just("nothing"), st.none()),
    st.tuples(st.just("days"), st.integers(1, 4)),
    st.tuples(st.just("start"), st.sampled_from(STARTS)),
    st.tuples(st.just("end"), st.sampled_from(ENDS)),
    # these matter most
    *[lists] * 3,
    *[splits] * 3,
    st.tuples(st.just("withdraw"), st.none()),
    st.tuples(st.just("adjusted"), st.booleans()),
    st.tuples(st.just("lookback"), st.integers(0, 2)),
    st.tuples(st.just("include_otc"), st.booleans()),
    st.tuples(st.just("streams"), st.sampled_from([BOTH, (PRICES,), (BARS,)])),
)
kills = (
    st.none() | st.tuples(st.just("cut"), st.floats(0, 1)) | st.tuples(st.just("signal"), st.integers(1, 250))
)
syncs = st.lists(st.tuples(st.lists(changes, min_size=1, max_size=3), kills), min_size=2, max_size=7)


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(syncs=syncs)
# an OTC stock that the market left out, then listed
@example(syncs=[([("tickers", "*")], None), ([("tickers", "otc"), ("days", 1)], None)])
# a split when the end has moved before what was read
@example(syncs=[([("tickers", "*")], None), ([("end", "2020-12-04"), ("split", (0, 0))], None)])
# killed before the ticker of the market is read again
@example(syncs=[([("tickers", "*")], None), ([("split", (0, -10))], ("signal", 9)), ([("days", 1)], None)])
@example(
    syncs=[([("tickers", "*")], None), ([("split", (0, -10))], ("signal", 9)), ([("withdraw", None)], None)]
)
# two streams that are not in step, and a split
@example(
    syncs=[
        ([("tickers", "*"), ("streams", (BARS,))], None),
        ([("start", "2020-11-28"), ("streams", (PRICES,))], None),
        ([("start", "2020-11-23"), ("streams", BOTH), ("split", (0, -8))], None),
    ]
)
# a later start, then splits that are the same
@example(
    syncs=[([("split", (0, -20))], None), ([("start", "2020-12-01")], None), ([("nothing", None)], None)]
)
@pytest.mark.long
async def test_whatever_changes_between_syncs_what_is_vouched_for_is_there_and_right(
    syncs: list[tuple[list[tuple[str, Any]], Any]],
) -> None:
    options = Options(
        now=at(TODAY), speed=0.0, seed=SEED, universe=UNIVERSE, tickers=tuple(NAMES), page_rows=7
    )
    async with serve(options) as sandbox:
        connection = Connection(sandbox)
        for some, kill in syncs:
            for what, value in some:
                connection.change(what, value)
            await connection.sync(kill)
        await connection.sync(None)
        connection.lookback = 0
        again = await connection.sync(None)
        if connection.end or is_session_or_weekend(connection.settled):
            assert again.paths("/aggs/") == [], "nothing has changed, so that nothing is asked"
        for stream in connection.streams:
            assert again.records(stream) == []
