"""Listings: pages tile what there is, whatever their size, prefix, delimiter and beginning."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.asker import Reply
from sandbox.s3_asker import DAY_FILE, MINUTE_FILE, code, opened_bucket, texts

from stockticker_async.sandbox.bucket.file_keys import all_keys, parsed
from stockticker_async.sandbox.bucket.flat_files import FlatFiles
from stockticker_async.sandbox.bucket.object_listing import listed
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox

SANDBOX = Sandbox(Options(universe=1, now=datetime(2004, 3, 1, 17, tzinfo=UTC), speed=0.0))
FILES: FlatFiles = SANDBOX.files
KEYS = [key.text for key in FILES.published_keys("")]
PREFIXES = st.one_of(
    st.sampled_from(KEYS).flatmap(lambda key: st.integers(0, len(key)).map(lambda end: key[:end])),
    st.sampled_from(["", "us_stocks_sip/", "us_stocks_sip/day_aggs_v1/2004/", "nothing"]),
)


def expected(prefix: str, delimiter: str, after: str) -> list[str]:
    """Keys and folders, by brute force."""
    found = list[str]()
    for key in sorted(KEYS):
        if key.startswith(prefix) and key > after:
            rest = key[len(prefix) :]
            whole = not delimiter or delimiter not in rest
            found.append(key if whole else prefix + rest[: rest.index(delimiter) + len(delimiter)])
    return list(dict.fromkeys(found))


async def pages(query: dict[str, str], following: Any) -> list[Reply]:
    """All pages; `following` makes the next query out of a page, or None."""
    found = list[Reply]()
    told: dict[str, str] | None = query
    while told is not None:
        found.append(Reply(200, {}, await listed(FILES, "flatfiles", told)))
        told = following(found[-1])
    return found


def entries(reply: Reply) -> list[str]:
    keys, folders = texts(reply, "Contents", "Key"), texts(reply, "CommonPrefixes", "Prefix")
    assert keys == sorted(keys)
    return sorted(keys + folders)


@settings(deadline=None, max_examples=60)
@given(PREFIXES, st.sampled_from(["", "/", "_", "-0"]), st.one_of(st.just(""), PREFIXES), st.integers(1, 90))
async def test_pages_tile_the_listing(prefix: str, delimiter: str, after: str, most: int) -> None:
    query = {"list-type": "2", "prefix": prefix, "delimiter": delimiter}
    query |= {"start-after": after, "max-keys": str(most)}

    def following(page: Reply) -> dict[str, str] | None:
        token = texts(page, "NextContinuationToken")
        assert texts(page, "IsTruncated") == ["true" if token else "false"]
        return {**query, "continuation-token": token[0]} if token else None

    found = await pages(query, following)
    assert [each for page in found for each in entries(page)] == expected(prefix, delimiter, after)
    assert all(len(entries(page)) == most for page in found[:-1])
    assert [texts(page, "KeyCount") for page in found] == [[str(len(entries(page)))] for page in found]


@settings(deadline=None, max_examples=40)
@given(PREFIXES, st.sampled_from(["", "/"]), st.integers(1, 90))
async def test_pages_of_the_first_version_tile_the_listing(prefix: str, delimiter: str, most: int) -> None:
    query = {"prefix": prefix, "delimiter": delimiter, "max-keys": str(most)}

    def following(page: Reply) -> dict[str, str] | None:
        if texts(page, "IsTruncated") == ["false"]:
            return None
        marker = texts(page, "NextMarker") or [entries(page)[-1]]
        return {**query, "marker": marker[0]}

    found = await pages(query, following)
    assert [each for page in found for each in entries(page)] == expected(prefix, delimiter, "")


async def test_folders_lead_down_to_the_files() -> None:
    async with opened_bucket() as s3:
        prefix, seen = "", list[str]()
        while True:
            reply = await s3.listing(prefix=prefix, delimiter="/")
            folders = texts(reply, "CommonPrefixes", "Prefix")
            if not folders:
                break
            prefix = folders[0]
            seen.append(prefix)
        assert seen == [
            "us_stocks_sip/", "us_stocks_sip/day_aggs_v1/", "us_stocks_sip/day_aggs_v1/2003/",
            "us_stocks_sip/day_aggs_v1/2003/09/",
        ]  # fmt: skip
        assert texts(reply, "Contents", "Key")[0].endswith("/2003-09-10.csv.gz")


async def test_a_listing_tells_what_a_get_brings() -> None:
    async with opened_bucket() as s3:
        for key in (DAY_FILE, MINUTE_FILE):
            reply, file = await s3.listing(prefix=key), await s3.get(key)
            assert texts(reply, "Contents", "Size") == [str(len(file.body))]
            assert texts(reply, "Contents", "ETag") == [file.headers["ETag"]]
            moment = datetime.fromisoformat(texts(reply, "Contents", "LastModified")[0])
            assert f"{moment:%a, %d %b %Y %H:%M:%S} GMT" == file.headers["Last-Modified"]


async def test_names_can_be_encoded_and_no_keys_can_be_asked_for() -> None:
    async with opened_bucket() as s3:
        reply = await s3.listing(prefix="ü/", encoding_type="url", max_keys="0")
        assert (texts(reply, "Prefix"), texts(reply, "KeyCount")) == (["%C3%BC/"], ["0"])
        assert texts(reply, "IsTruncated") == ["false"]


@pytest.mark.parametrize("query", [{"max_keys": "-1"}, {"max_keys": "x"}, {"continuation_token": "?"}])
async def test_arguments_without_a_meaning_are_refused(query: dict[str, str]) -> None:
    async with opened_bucket() as s3:
        reply = await s3.listing(**query)
        assert (reply.status, code(reply)) == (400, "InvalidArgument")


def test_keys_name_their_sessions() -> None:
    keys = all_keys(datetime(2026, 7, 29, tzinfo=UTC).toordinal())
    assert [key.text for key in keys] == sorted(key.text for key in keys)
    assert len(keys) > 11_000
    assert all(parsed(key.text) == key for key in keys)
