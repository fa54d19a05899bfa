"""The bars of all tickers in one session: of those wanted, and asked twice where any are lacking."""

from datetime import date

import pytest
from asking import sandbox
from loopback import client

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.grouped import Grouped, grouped_answer, grouped_bars
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.sandbox.service.faults import Fault

MONDAY, CHRISTMAS = date(2020, 12, 21), date(2019, 12, 25)
EMPTY = b'{"status":"OK","resultsCount":0,"results":[]}'
BOTH = frozenset({"TSLA", "AAPL"})


async def test_of_all_bars_those_of_the_tickers_wanted_are_given_and_all_are_counted() -> None:
    async with sandbox() as served, client(served.url) as opened:
        everything = await grouped_bars(opened, MONDAY, adjusted=True, otc=True, wanted=None)
        assert isinstance(everything, Answer)
        async with grouped_answer(
            opened, MONDAY, adjusted=True, otc=True, wanted=BOTH | {"NOPE"}, few=lambda _: False
        ) as found:
            assert isinstance(found, Answer)
            assert found.value.traded == BOTH
            assert found.value.count == len(everything.value) > len(found.value.bars)
            assert (found.value.lacks, found.moment.date()) == (0, date(2020, 12, 22))
    assert [bar.c for bar in everything.value if bar.T == "TSLA"] == [649.86]


@pytest.mark.parametrize(
    ("session", "may_be_empty", "calls"), [(MONDAY, False, 2), (MONDAY, True, 1), (CHRISTMAS, False, 1)]
)
async def test_an_empty_session_is_asked_for_twice_where_there_was_one(
    session: date,
    may_be_empty: bool,  # noqa: FBT001 - a case
    calls: int,
) -> None:
    async with sandbox() as served, client(served.url) as opened:
        served.faults.add(Fault(kind="body", body=EMPTY, times=None))
        found = await grouped_bars(
            opened, session, adjusted=True, otc=True, wanted=BOTH, may_be_empty=may_be_empty
        )
        assert isinstance(found, Answer)
        assert found.value == []
        assert len(served.calls) == calls


async def test_an_answer_with_another_number_of_bars_than_it_says_is_asked_for_twice() -> None:
    row = b'{"T":"TSLA","t":1608584400000,"o":1,"h":1,"l":1,"c":1,"v":1}'
    short = b'{"status":"OK","adjusted":true,"resultsCount":3,"results":[%b]}' % row
    async with sandbox() as served, client(served.url) as opened:
        served.faults.add(Fault(kind="body", body=short, times=2))
        async with grouped_answer(
            opened, MONDAY, adjusted=True, otc=True, wanted=None, few=lambda _: False
        ) as found:
            assert isinstance(found, Answer)
            assert (found.value.count, found.value.lacks) == (1, 2)
        assert len(served.calls) == 2


async def test_a_further_page_is_part_of_the_answer_and_no_ticker_comes_twice() -> None:
    bar = b'{"T":"A","t":1608584400000,"o":1,"h":1,"l":1,"c":1,"v":1}'
    further = b"/v2/aggs/grouped/locale/us/market/stocks/2020-12-21?cursor=2"
    first = b'{"adjusted":true,"next_url":"%b","results":[%b]}' % (further, bar)
    for name, error in ((b"B", None), (b"A", "twice")):
        async with sandbox() as served, client(served.url) as opened:
            last = b'{"adjusted":true,"results":[%b]}' % bar.replace(b'"A"', b'"%b"' % name)
            served.faults.add(Fault(kind="body", body=first))
            served.faults.add(Fault(kind="body", body=last, times=None))
            asked = grouped_bars(opened, MONDAY, adjusted=True, otc=True, wanted=None)
            if error is None:
                found = await asked
                assert isinstance(found, Answer)
                assert [bar.T for bar in found.value] == ["A", "B"]
            else:
                with pytest.raises(BadPageError, match=error):
                    await asked


async def test_what_the_plan_does_not_give_is_a_refusal() -> None:
    async with sandbox(plan="basic") as served, client(served.url) as opened:
        found = await grouped_bars(opened, date(2010, 1, 4), adjusted=True, otc=True, wanted=BOTH)
        assert isinstance(found, Refusal)
        assert found.why is RefusalReason.TIMEFRAME


def test_two_answers_agree_where_the_same_tickers_traded() -> None:
    assert Grouped([], 3).outline == Grouped([], 3).outline
    assert Grouped([], 3).outline != Grouped([], 4).outline
    assert Grouped([], 3).outline != Grouped([], 3, lacks=1).outline
