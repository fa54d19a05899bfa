"""Bars that follow a split a night later than the list of splits: history is right in the end."""

from datetime import date
from typing import Any

import pytest
from faults.ending import FIRST, NAMES, SICK, market
from faults.lies import Page, told
from support import BOTH, advance_days, rows_of, sync, truth

from stockticker_async.marketdata.calendar import session_of

SPLIT = date(2020, 12, 21)


def on_the_old_basis(page: Page) -> None:
    """Bars of a split 1 to 2 as they were before it."""
    for bar in page["results"]:
        if session_of(bar["t"]) < SPLIT:
            bar.update({name: bar[name] * 2 for name in ("o", "h", "l", "c", "vw")}, v=bar["v"] / 2)


@pytest.mark.fault("bars on the basis from before a split")
@pytest.mark.parametrize("whole_market", [False, True])
async def test_bars_that_follow_a_split_a_night_late_are_read_once_more(*, whole_market: bool) -> None:
    tickers: Any = "*" if whole_market else NAMES
    how: dict[str, Any] = {"start_date": FIRST}
    async with market(universe=40) as sandbox:
        runs = [await sync(sandbox, tickers, **how)]
        advance_days(sandbox)
        sandbox.add_split(SICK, SPLIT, 1, 2)
        told(sandbox, f"/{SICK}/range/", on_the_old_basis, None)
        runs.append(await sync(sandbox, tickers, before=runs[-1], **how))
        sandbox.faults.clear()
        told_again = []
        for _ in range(2):
            advance_days(sandbox)
            runs.append(await sync(sandbox, tickers, before=runs[-1], **how))
            assert (runs[-1].code, runs[-1].told("WARN")) == (0, [])
            told_again.append(sum(SICK in text and "once more" in text for text in runs[-1].told("INFO")))
        assert told_again == [len(BOTH), 0]
        for stream in BOTH:
            found = {key: row for key, row in rows_of(stream, *runs).items() if key[0] == SICK}
            assert found == truth(sandbox, stream, [SICK], FIRST, "2020-12-24")
