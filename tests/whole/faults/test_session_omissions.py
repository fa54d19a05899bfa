"""Sessions of the whole market that leave something out."""

from typing import Any

import pytest
from faults.ending import LAST, market
from faults.lies import Lie, Page, lie, nothing, told
from support import BOTH, PRICES, advance_days, at, made_names, rows_of, sync, truth

from stockticker_async.sandbox.service.faults import Fault

MANY = made_names(60)


SESSION = "/grouped/.*/2020-12-18"


def half(page: Page) -> None:
    page["results"] = page["results"][::3]
    page["resultsCount"] = page["count"] = len(page["results"])


def doubled(page: Page) -> None:
    page["resultsCount"] = 2 * len(page["results"])


SESSIONS = {
    "nothing": (nothing, "the API has less than half of the bars of the session beside it"),
    "a third of the market": (half, "the API has less than half of the bars of the session beside it"),
    "another count": (doubled, "more or fewer bars than they say"),
}


@pytest.mark.parametrize(("change", "warning"), SESSIONS.values(), ids=SESSIONS)
@pytest.mark.parametrize("session", ["2020-12-17", "2020-12-18", "2020-12-21"])
@pytest.mark.parametrize("names", [MANY, "*"], ids=["named", "market"])
@pytest.mark.fault("incomplete session")
async def test_a_session_that_leaves_bars_out(change: Lie, warning: str, session: str, names: Any) -> None:
    """The first, one in the middle, the last; who comes first has to wait for the one beside it."""
    asked: dict[str, Any] = {"start_date": "2020-12-17", "streams": [PRICES]}
    async with market(tickers=tuple(MANY), universe=200) as sandbox:
        good = rows_of(PRICES, await sync(sandbox, names, **asked))
        told(sandbox, f"/grouped/.*/{session}", change, 1)
        run = await sync(sandbox, names, **asked)
        assert rows_of(PRICES, run) == good
        assert set(run.cursors(PRICES).values()) == {LAST}
        assert run.told("WARN") == []
        sandbox.faults.clear()
        told(sandbox, f"/grouped/.*/{session}", change, None)
        run = await sync(sandbox, names, **asked)
        assert run.code == 0
        assert len(run.paths(f"/{session}")) == 2
        assert any(warning in text for text in run.told("WARN"))


@pytest.mark.fault("incomplete session")
async def test_a_market_without_any_bar_is_told() -> None:
    """No session has a bar, so none can be compared with another one."""
    asked: dict[str, Any] = {"start_date": "2020-12-16", "streams": [PRICES]}
    async with market(tickers=tuple(MANY), universe=200) as sandbox:
        good = rows_of(PRICES, await sync(sandbox, "*", **asked))
        told(sandbox, "/grouped/", nothing, None)
        run = await sync(sandbox, "*", **asked)
        (warning,) = run.told("WARN")
        assert "no bars of some of the days asked for the whole market" in warning
        assert "(sessions: 4, asked for twice)" in warning
        sandbox.faults.clear()
        following = await sync(sandbox, "*", before=run, **asked)
        assert rows_of(PRICES, following) == good


@pytest.mark.fault("incomplete session")
async def test_named_tickers_that_traded_before_and_are_missing_now() -> None:
    """One session, with none beside it: the others of the market are there, those named are not."""
    async with market(tickers=tuple(MANY), universe=300) as sandbox:
        sandbox.clock.set(at("2020-12-18"))
        asked: dict[str, Any] = {"start_date": "2020-12-14", "lookback_days": 0}
        first = await sync(sandbox, MANY, **asked)
        advance_days(sandbox)

        def change(page: Page) -> None:
            page["results"] = [row for row in page["results"] if row["T"] not in MANY]
            page["resultsCount"] = page["count"] = len(page["results"])

        told(sandbox, SESSION, change, 1)
        second = await sync(sandbox, MANY, before=first, **asked)
        for stream in BOTH:
            assert rows_of(stream, first, second) == truth(sandbox, stream, MANY, "2020-12-14", "2020-12-18")


def without_tickers(*names: str) -> Lie:
    """A session without the bars of these, whose own counts fit."""

    def change(page: Page) -> None:
        page["results"] = [row for row in page["results"] if row["T"] not in names]
        page["resultsCount"] = page["count"] = len(page["results"])

    return change


@pytest.mark.parametrize("lookback", [0, 1])
@pytest.mark.parametrize("gone", [1, 5, 18])
@pytest.mark.fault("ticker missing in a session")
async def test_some_named_tickers_that_a_session_leaves_out(gone: int, lookback: int) -> None:
    """Far from half of them: of the first session of a sync, or of one after another."""
    asked: dict[str, Any] = {"start_date": "2020-12-14", "lookback_days": lookback}
    names = MANY[:gone]
    async with market(tickers=tuple(MANY), universe=300) as sandbox:
        sandbox.clock.set(at("2020-12-18"))
        first = await sync(sandbox, MANY, **asked)
        sandbox.clock.set(at("2020-12-22"))
        told(sandbox, SESSION, without_tickers(*names), 1)
        second = await sync(sandbox, MANY, before=first, **asked)
        for stream in BOTH:
            assert rows_of(stream, first, second) == truth(sandbox, stream, MANY, "2020-12-14", LAST)
        assert second.told("WARN") == []
        assert len(second.paths("/2020-12-18")) == 2
        sandbox.faults.clear()
        told(sandbox, SESSION, without_tickers(*names), None)
        second = await sync(sandbox, MANY, before=first, **asked)
        assert second.code == 0
        assert len(second.paths("/2020-12-18")) == 2
        [text] = second.told("WARN")
        assert f"no bars of some of the days asked for {names[0]}" in text
        assert f"(sessions: {gone}, asked for twice)" in text


@pytest.mark.fault("ticker missing in a session")
async def test_a_ticker_that_every_session_leaves_out_once() -> None:
    """The first answer of each session agrees with the first answer of the one before it."""
    asked: dict[str, Any] = {"start_date": "2020-12-14"}
    async with market(tickers=tuple(MANY), universe=300) as sandbox:
        sandbox.clock.set(at("2020-12-17"))
        first = await sync(sandbox, MANY, **asked)
        sandbox.clock.set(at("2020-12-22"))
        for session in ("2020-12-16", "2020-12-17", "2020-12-18", "2020-12-21"):
            told(sandbox, f"/grouped/.*/{session}", without_tickers(MANY[3]), 1)
        second = await sync(sandbox, MANY, before=first, **asked)
        for stream in BOTH:
            assert rows_of(stream, first, second) == truth(sandbox, stream, MANY, "2020-12-14", LAST)
        assert second.told("WARN") == []


@pytest.mark.fault("ticker missing in a session")
async def test_new_tickers_that_the_first_session_leaves_out_once() -> None:
    """Far from half of them: only the second session shows that they trade."""
    asked: dict[str, Any] = {"start_date": "2020-12-16"}
    session, gone = "/grouped/.*/2020-12-16", MANY[:20]
    async with market(tickers=tuple(MANY), universe=300) as sandbox:
        told(sandbox, session, without_tickers(*gone), 1)
        run = await sync(sandbox, MANY, **asked)
        for stream in BOTH:
            assert rows_of(stream, run) == truth(sandbox, stream, MANY, "2020-12-16", LAST)
        assert run.told("WARN") == []
        assert len(run.paths("/grouped/")) == 5
        # twice: they may be new listings
        sandbox.faults.clear()
        told(sandbox, session, without_tickers(*gone), None)
        run = await sync(sandbox, MANY, **asked)
        assert (run.code, run.told("WARN"), len(run.paths("/grouped/"))) == (0, [], 5)


@pytest.mark.fault("ticker missing in a session")
async def test_the_warning_counts_every_session_without_an_expected_ticker() -> None:
    async with market(tickers=tuple(MANY), universe=300) as sandbox:
        sandbox.clock.set(at("2020-12-16"))
        first = await sync(sandbox, MANY, start_date="2020-12-14")
        told(sandbox, "/grouped/", without_tickers(*MANY[:2]), None)
        sandbox.clock.set(at("2020-12-22"))
        second = await sync(sandbox, MANY, before=first, start_date="2020-12-14")
        [text] = second.told("WARN")
        assert "(sessions: 10, 2 of them asked for twice)" in text
        assert len(second.paths("/grouped/")) == 6


@pytest.mark.fault("ticker missing in a session")
async def test_a_delisted_ticker_costs_one_call_more_a_sync_and_a_word() -> None:
    async with market(tickers=tuple(MANY), universe=300) as sandbox:
        sandbox.clock.set(at("2020-12-17"))
        first = await sync(sandbox, MANY, start_date="2020-12-14")
        told(sandbox, "/grouped/", without_tickers(MANY[3]), None)
        sandbox.clock.set(at("2020-12-18"))
        second = await sync(sandbox, MANY, before=first, start_date="2020-12-14")
        [text] = second.told("WARN")
        assert f"asked for {MANY[3]} (sessions: 2, 1 of them asked for twice)" in text
        sandbox.clock.set(at("2020-12-22"))
        third = await sync(sandbox, MANY, before=second, start_date="2020-12-14")
        [text] = third.told("WARN")
        assert f"asked for {MANY[3]} (sessions: 3, 1 of them asked for twice)" in text
        assert len(third.paths("/grouped/")) == 4
        assert set(third.cursors(PRICES).values()) == {LAST}


@pytest.mark.fault("varying omissions")
async def test_sessions_that_leave_out_another_ticker_each_time_are_no_answers() -> None:
    async with market(tickers=tuple(MANY), universe=300) as sandbox:
        sandbox.clock.set(at("2020-12-18"))
        first = await sync(sandbox, MANY, start_date="2020-12-14")
        sandbox.clock.set(at("2020-12-22"))
        for name in MANY[:3]:
            told(sandbox, SESSION, without_tickers(name), 1)
        second = await sync(sandbox, MANY, before=first, start_date="2020-12-14")
        [error, _] = second.errors()
        assert "each repeated answer of the API left out something different" in error["message"]
        assert set(second.cursors(PRICES).values()) == {"2020-12-17"}


@pytest.mark.parametrize("lookback", [0, 1])
@pytest.mark.parametrize("times", [1, None])
@pytest.mark.fault("incomplete session")
async def test_a_night_in_which_every_session_lacks_most_of_the_market(
    lookback: int, times: int | None
) -> None:
    """Only the night before shows how large the market is."""
    asked: dict[str, Any] = {"start_date": "2020-12-14", "streams": [PRICES], "lookback_days": lookback}
    async with market(universe=200) as sandbox:
        sandbox.clock.set(at("2020-12-18"))
        first = await sync(sandbox, "*", **asked)
        sandbox.clock.set(at("2020-12-22"))
        good = rows_of(PRICES, first, await sync(sandbox, "*", before=first, **asked))
        for session in ("2020-12-17", "2020-12-18", "2020-12-21"):
            told(sandbox, f"/grouped/.*/{session}", half, times)
        second = await sync(sandbox, "*", before=first, **asked)
        assert second.code == 0
        assert second.cursors(PRICES) == {"*": LAST}
        if times == 1:
            assert (rows_of(PRICES, first, second), second.told("WARN")) == (good, [])
        else:
            assert any("less than half of the bars" in text for text in second.told("WARN"))


@pytest.mark.fault("session in pages")
async def test_a_session_in_pages_is_read_to_its_end() -> None:
    async with market(tickers=tuple(MANY)) as sandbox:
        wanted = rows_of(PRICES, await sync(sandbox, MANY, start_date="2020-12-17"))
        rest: list[Page] = []

        def first_page(page: Page) -> None:
            rest[:] = page["results"][30:]
            page["results"] = page["results"][:30]
            page["resultsCount"] = page["count"] = 30
            page["next_url"] = f"{sandbox.url}/v2/aggs/grouped/locale/us/market/stocks/2020-12-18?cursor=2"

        def second_page(page: Page) -> None:
            page.update(results=rest, resultsCount=len(rest), count=len(rest))

        told(sandbox, SESSION, first_page, 1)
        sandbox.faults.add(Fault(kind="body", match=SESSION, body=lie(second_page), after=1))
        run = await sync(sandbox, MANY, start_date="2020-12-17")
        assert rows_of(PRICES, run) == wanted
        assert len(run.paths("/2020-12-18")) == 2
        assert run.told("WARN") == []
