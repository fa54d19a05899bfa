"""Heads and gets of the bucket's files: ranges, conditions, plans."""

import gzip
from typing import Any

import pytest
from sandbox.asker import DAY_BARS, Reply
from sandbox.s3_asker import DAY_FILE, MINUTE_FILE, S3Asker, code, opened_bucket, texts


async def test_a_file_is_gzip_sent_as_it_is() -> None:
    async with opened_bucket() as s3:
        reply = await s3.get(DAY_FILE, accept_encoding="gzip")
        assert reply.status == 200
        assert gzip.decompress(reply.body).startswith(b"ticker,volume,open,close,high,low,window_start,")
        assert "Content-Encoding" not in reply.headers
        assert int(reply.headers["Content-Length"]) == len(reply.body)
        assert reply.headers["Accept-Ranges"] == "bytes"
        assert reply.headers["Content-Type"] == "application/gzip"
        assert reply.headers["x-amz-request-id"]


async def test_a_head_tells_what_a_get_brings() -> None:
    async with opened_bucket() as s3:
        for key in (DAY_FILE, MINUTE_FILE):
            head, get = await s3.get(key, method="HEAD"), await s3.get(key)
            assert (head.status, head.body) == (200, b"")
            for name in ("Content-Length", "ETag", "Last-Modified", "Content-Type", "Accept-Ranges"):
                assert head.headers[name] == get.headers[name]
        missing = await s3.get(DAY_FILE.replace("-21", "-20"), method="HEAD")
        assert (missing.status, missing.body) == (404, b"")


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-10", slice(10, 11)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999", slice(5, None)),
        ("bytes=-99999999", slice(0, None)),
    ],
)
async def test_a_range_is_a_part_of_the_file(asked: str, part: slice) -> None:
    async with opened_bucket() as s3:
        whole = (await s3.get(DAY_FILE)).body
        reply = await s3.get(DAY_FILE, range=asked)
        assert (reply.status, reply.body) == (206, whole[part])
        first, end, _ = part.indices(len(whole))
        assert reply.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(whole)}"
        head = await s3.get(DAY_FILE, method="HEAD", range=asked)
        assert (head.status, head.headers["Content-Length"]) == (206, str(len(reply.body)))


@pytest.mark.parametrize("asked", ["bytes=9-5", "bytes=-", "lines=1-2", "bytes=0-1,5-9", "bytes=x-"])
async def test_a_range_without_a_meaning_is_no_range(asked: str) -> None:
    async with opened_bucket() as s3:
        reply = await s3.get(DAY_FILE, range=asked)
        assert (reply.status, reply.body) == (200, (await s3.get(DAY_FILE)).body)


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"])
async def test_a_range_beyond_the_file_is_invalid(asked: str) -> None:
    async with opened_bucket() as s3:
        reply = await s3.get(DAY_FILE, range=asked)
        assert (reply.status, code(reply)) == (416, "InvalidRange")


async def test_conditions_on_the_etag() -> None:
    async with opened_bucket() as s3:
        whole = await s3.get(DAY_FILE)
        etag = whole.headers["ETag"]

        async def asked(**headers: str) -> tuple[int, bool]:
            reply = await s3.get(DAY_FILE, **headers)
            return reply.status, reply.body == whole.body

        for names in (etag, etag.strip('"'), "*", f'"another", {etag}'):
            assert await asked(if_match=names) == (200, True)
            assert await asked(if_none_match=names) == (304, False)
        reply = await s3.get(DAY_FILE, if_match='"another"', range="bytes=0-9")
        assert (reply.status, code(reply)) == (412, "PreconditionFailed")
        assert await asked(if_none_match='"another"') == (200, True)
        assert await asked(range="bytes=0-9", if_match=etag) == (206, False)
        assert await asked(range="bytes=0-9", if_range=etag) == (206, False)
        assert await asked(range="bytes=0-9", if_range=whole.headers["Last-Modified"]) == (206, False)
        assert await asked(range="bytes=0-9", if_range='"another"') == (200, True)


async def test_conditions_on_the_time() -> None:
    early, late = "Mon, 21 Dec 2020 00:00:00 GMT", "Wed, 23 Dec 2020 00:00:00 GMT"
    async with opened_bucket() as s3:
        etag = (await s3.get(DAY_FILE)).headers["ETag"]

        async def status(**headers: str) -> int:
            return (await s3.get(DAY_FILE, **headers)).status

        assert await status(if_modified_since=early) == 200
        assert await status(if_modified_since=late) == 304
        assert await status(if_modified_since="yesterday") == 200
        assert await status(if_unmodified_since=early) == 412
        assert await status(if_unmodified_since=late) == 200
        assert await status(if_unmodified_since=early, if_match=etag) == 200
        assert await status(if_modified_since=late, if_none_match='"another"') == 200


@pytest.mark.parametrize(
    "key",
    [
        DAY_FILE.replace("2020-12-21", "2020-12-20"),  # a Sunday
        DAY_FILE.replace("2020/12/2020-12-21", "2020/12/2020-12-25"),
        DAY_FILE.replace("2020/12/2020-12-21", "2003/09/2003-09-09"),  # before the first
        DAY_FILE.replace("2020/12/2020-12-21", "2020/12/2020-12-22"),  # today
        DAY_FILE.replace("2020/12/2020-12-21", "2020/13/2020-13-41"),
        DAY_FILE.replace("/12/", "/11/"),
        DAY_FILE.removesuffix(".gz"),
        "us_stocks_sip",
        "a b+c&ü",
    ],
)
async def test_what_is_no_file_is_no_key(key: str) -> None:
    async with opened_bucket() as s3:
        reply = await s3.get(key)
        assert (reply.status, code(reply)) == (404, "NoSuchKey")


async def test_the_bucket_itself() -> None:
    async with opened_bucket() as s3:
        head = await s3.ask("/flatfiles", "HEAD")
        assert (head.status, head.headers["x-amz-bucket-region"]) == (200, "us-east-1")
        assert b"LocationConstraint" in (await s3.ask("/flatfiles?location=")).body
        assert b"VersioningConfiguration" in (await s3.ask("/flatfiles?versioning=")).body
        assert texts(await s3.ask("/"), "Buckets", "Bucket", "Name") == ["flatfiles"]
        other = await s3.ask("/another?list-type=2")
        assert (other.status, code(other)) == (404, "NoSuchBucket")
        for method in ("PUT", "POST", "DELETE"):
            reply = await s3.ask(f"/flatfiles/{DAY_FILE}", method)
            assert (reply.status, code(reply)) == (403, "AccessDenied")


async def test_the_bucket_can_have_another_name() -> None:
    async with opened_bucket(bucket="market") as s3:
        assert (await s3.get(DAY_FILE, bucket="market")).status == 200
        assert code(await s3.get(DAY_FILE)) == "NoSuchBucket"


async def test_the_api_is_where_it_was() -> None:
    async with opened_bucket(calls_per_minute=1) as s3:
        for _ in range(3):  # files use no allowance
            assert (await s3.get(DAY_FILE)).status == 200
        assert (await s3.asker.get(DAY_BARS)).status == 200
        assert (await s3.asker.get(DAY_BARS)).status == 429
        assert (await s3.asker.send("GET", "/")).body == b"404 page not found\n"


async def denied(s3: S3Asker, key: str, **how: Any) -> bool:
    replies: list[Reply] = [await s3.get(key, **how), await s3.get(key, method="HEAD", **how)]
    assert replies[0].status == replies[1].status
    assert replies[1].body == b""
    return replies[0].status == 403 and code(replies[0]) == "AccessDenied"


async def test_the_free_plan_has_no_files() -> None:
    async with opened_bucket(plan="basic") as s3:
        assert await denied(s3, DAY_FILE)
        assert code(await s3.listing()) == "AccessDenied"


@pytest.mark.parametrize(("plan", "floor"), [("starter", 2015), ("developer", 2010)])
async def test_history_beyond_the_plan_is_listed_and_denied(plan: str, floor: int) -> None:
    async with opened_bucket(plan=plan) as s3:
        before = f"us_stocks_sip/day_aggs_v1/{floor}/12/{floor}-12-21.csv.gz"
        assert await denied(s3, before)
        assert not await denied(s3, before.replace("-21", "-22"))
        assert texts(await s3.listing(prefix=before), "Contents", "Key") == [before]


async def test_trades_are_of_another_plan() -> None:
    async with opened_bucket() as s3:
        for kind in ("trades", "quotes"):
            assert await denied(s3, DAY_FILE.replace("day_aggs", kind))


async def test_a_plan_can_lack_a_type_of_files() -> None:
    async with opened_bucket(without=("/flatfiles/us_stocks_sip/minute_aggs_v1",)) as s3:
        assert await denied(s3, MINUTE_FILE)
        assert not await denied(s3, DAY_FILE)
