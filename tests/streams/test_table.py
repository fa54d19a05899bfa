"""The table of streams: what is true of every row of it."""

import json
from pathlib import Path

import pytest

import stockticker_async
from stockticker_async.marketdata.listings import Listing
from stockticker_async.streams.table import STREAMS, Bars, Daily, Listed, Lookup, Previous, Stream

SCHEMAS = Path(stockticker_async.__file__).parent / "schemas"
EACH = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
LISTED = [(stream, stream.source) for stream in STREAMS if isinstance(stream.source, Listed)]


def listings(listed: Listed) -> list[Listing]:
    return [one for one in (listed.listing, listed.listing.older) if one is not None]


def test_each_stream_has_a_schema_of_its_name_and_there_is_no_other() -> None:
    names = [stream.name for stream in STREAMS]
    assert len(set(names)) == len(names)
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(names)


@EACH
def test_keys_and_cursor_are_fields_of_the_schema(stream: Stream) -> None:
    fields = json.loads((SCHEMAS / f"{stream.name}.json").read_text())["properties"]
    assert stream.primary_key
    assert {*stream.primary_key, *filter(None, [stream.cursor])} <= fields.keys()
    if stream.cursor:
        form = fields[stream.cursor].get("format")
        assert form == ("date-time" if stream.times else "date")
    else:
        assert not stream.times


@EACH
def test_a_path_names_what_it_is_asked_for(stream: Stream) -> None:
    match stream.source:
        case Bars():
            assert stream.cursor
        case Listed(listing):
            assert "{" not in listing.path
        case Daily(path):
            assert path.count("{ticker}") == path.count("{session}") == 1
            assert stream.cursor == "date"
        case Lookup(path) | Previous(path):
            assert path.count("{ticker}") == 1
            assert not stream.cursor


@pytest.mark.parametrize(("stream", "listed"), LISTED, ids=lambda one: getattr(one, "name", ""))
def test_a_list_that_is_asked_from_a_day_on_comes_in_the_order_of_the_cursor(
    stream: Stream, listed: Listed
) -> None:
    for listing in listings(listed):
        assert (listing.since or "") == stream.cursor
        if listing.since is not None:
            field, _, order = listing.query["sort"].partition(".")
            assert field == listing.since
            assert (order or listing.query["order"]) == "asc"


@pytest.mark.parametrize(("stream", "listed"), LISTED, ids=lambda one: getattr(one, "name", ""))
def test_an_id_is_made_exactly_where_it_is_the_only_key(stream: Stream, listed: Listed) -> None:
    assert bool(listed.identity) is (stream.primary_key == ("id",))
    assert listed.lookback_days == 0 or stream.cursor
