"""The calls for a listing: every ticker once, from no later than its first day, in URLs that servers take."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.list_calls import Everything, ListCall, list_calls, portions_of
from stockticker_async.streams.table import STREAMS, Listed

LAST = date(2026, 11, 20)
LISTINGS = {stream.name: stream.source.listing for stream in STREAMS if isinstance(stream.source, Listed)}
DATED = [name for name, listing in LISTINGS.items() if listing.since is not None]
NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ.", min_size=1, max_size=8)
FIRSTS = st.dictionaries(NAMES, st.dates(date(2000, 1, 1), LAST), min_size=1, max_size=60)


def query(call: ListCall) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}


def many(count: int) -> list[str]:
    return [f"T{number:05}" for number in range(count)]


@given(st.sampled_from(DATED), FIRSTS)
def test_every_ticker_is_asked_for_once_from_no_later_than_its_first_day(
    name: str, firsts: dict[str, date]
) -> None:
    listing = LISTINGS[name]
    asked = list_calls(listing, firsts, last=LAST)
    assert Counter(ticker for one in asked for ticker in one.names) == Counter(firsts.keys())
    for one in asked:
        assert one.first is not None
        assert all(one.first <= firsts[ticker] for ticker in one.names)
        assert query(one)[f"{listing.since}.gte"] == one.first.isoformat()
        said = query(one).get("ticker.any_of", query(one).get("ticker"))
        assert said in (",".join(one.names), None)


@given(st.lists(NAMES, unique=True, max_size=2000))
def test_portions_hold_every_name_in_its_order_and_fit_a_url(names: list[str]) -> None:
    portions = portions_of(names)
    assert [name for portion in portions for name in portion] == names
    assert all(len(",".join(portion)) <= 3500 for portion in portions)
    assert len(portions) <= 1 + sum(len(name) + 3 for name in names) // 3400


def test_two_thousand_tickers_are_few_urls_of_less_than_4_kb() -> None:
    asked = list_calls(LISTINGS["short_interest"], dict.fromkeys(many(2000), LAST), last=LAST)
    assert len(asked) == 1, "the whole list is one page"
    year_ago = LAST - timedelta(days=5000)
    asked = list_calls(LISTINGS["short_interest"], dict.fromkeys(many(400), year_ago), last=LAST)
    assert 1 < len(asked) <= 20
    assert all(len(one.path) < 4096 for one in asked)


def test_the_whole_market_is_asked_unfiltered() -> None:
    (splits,) = list_calls(LISTINGS["splits"], Everything(LAST), last=LAST)
    assert splits.names == ()
    assert query(splits) == {
        "execution_date.gte": "2026-11-20",
        "sort": "execution_date.asc",
        "limit": "5000",
    }


def test_one_ticker_a_call_gives_way_to_the_whole_list_where_that_is_fewer() -> None:
    news, day = LISTINGS["news"], LAST - timedelta(days=1)
    assert len(list_calls(news, dict.fromkeys(many(1), day), last=LAST)) == 1
    (whole,) = list_calls(news, dict.fromkeys(many(300), day), last=LAST)
    assert "ticker" not in query(whole)
    assert len(whole.names) == 300
    few = list_calls(news, dict.fromkeys(many(3), LAST - timedelta(days=700)), last=LAST)
    assert [query(one)["ticker"] for one in few] == many(3)


def test_a_new_ticker_does_not_make_the_others_be_read_again() -> None:
    old, new = dict.fromkeys(many(200), LAST), {"NEW": date(2003, 9, 10)}
    for name in ("short_volume", "short_interest"):
        asked = list_calls(LISTINGS[name], old | new, last=LAST)
        assert sum(len(one.names) for one in asked if one.first != LAST) < 20, name
        assert len(asked) == 2
    # where that is less than a page, one call is cheaper
    (splits,) = list_calls(LISTINGS["splits"], old | new, last=LAST)
    assert splits.first == new["NEW"]


def test_active_and_delisted_tickers_of_every_market_are_asked_for() -> None:
    tickers = LISTINGS["tickers"]
    named = list_calls(tickers, {"A": None}, last=LAST)
    assert [(query(one)["ticker"], query(one)["active"]) for one in named] == [("A", "true"), ("A", "false")]
    assert all("market" not in query(one) for one in named)
    whole = list_calls(tickers, Everything(), last=LAST)
    assert [(query(one)["market"], query(one)["active"]) for one in whole] == [
        ("stocks", "true"), ("stocks", "false"), ("otc", "true"), ("otc", "false")
    ]  # fmt: skip
    assert len(list_calls(tickers, Everything(), last=LAST, otc=False)) == 2


def test_a_list_of_no_tickers_is_asked_once_for_however_many() -> None:
    (one,) = list_calls(LISTINGS["exchanges"], dict.fromkeys(many(500)), last=LAST)
    assert one.path == "/v3/reference/exchanges?asset_class=stocks"
    (bare,) = list_calls(LISTINGS["market_holidays"], {"A": None}, last=LAST)
    assert bare.path == "/v1/marketstatus/upcoming"


def test_the_end_is_included_and_may_be_the_last_day_there_is() -> None:
    splits = LISTINGS["splits"]
    (one,) = list_calls(splits, {"A": LAST}, last=LAST, end=LAST)
    assert query(one)["execution_date.lt"] == "2026-11-21"
    (one,) = list_calls(splits, {"A": LAST}, last=LAST, end=date.max)
    assert query(one)["execution_date.lt"] == "9999-12-31"
    (moments,) = list_calls(LISTINGS["news"], {"A": LAST}, last=LAST, end=LAST, times=True)
    assert query(moments)["published_utc.gte"] == "2026-11-20T05:00:00Z"
    assert query(moments)["published_utc.lt"] == "2026-11-21T05:00:00Z"


def test_a_list_without_pages_is_weighed_as_one() -> None:
    bare = replace(LISTINGS["exchanges"], filters="any_of", market_rows=1e6)
    assert len(list_calls(bare, dict.fromkeys(many(3), LAST), last=LAST)) == 1


def test_nothing_to_read_asks_nothing() -> None:
    assert list_calls(LISTINGS["splits"], {}, last=LAST) == []
