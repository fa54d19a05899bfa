"""Faults on the way to a file, told by S3's errors or by the connection."""

import gzip
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson
import pytest
from sandbox.s3_asker import DAY_FILE, code, opened_bucket

from stockticker_async.sandbox.bucket.s3_errors import CODES
from stockticker_async.sandbox.service.faults import Fault

ERRORS = {
    "SlowDown": 503, "InternalError": 500, "ServiceUnavailable": 503, "RequestTimeTooSkewed": 403,
    "InvalidAccessKeyId": 403, "SignatureDoesNotMatch": 403, "AccessDenied": 403, "RequestTimeout": 400,
}  # fmt: skip


@pytest.mark.parametrize(("name", "status"), ERRORS.items())
async def test_an_error_of_s3_on_request(name: str, status: int) -> None:
    async with opened_bucket() as s3:
        fault = Fault(kind="s3_error", code=name, match=r"\.csv\.gz", headers={"Retry-After": "2"})
        s3.asker.sandbox.faults.add(fault)
        assert (await s3.listing(prefix=DAY_FILE)).status == 200
        reply = await s3.get(DAY_FILE)
        assert (reply.status, code(reply), reply.headers["Retry-After"]) == (status, name, "2")
        assert reply.headers["Content-Type"] == "application/xml"
        assert (await s3.get(DAY_FILE)).status == 200


def test_errors_on_request_are_errors_of_s3() -> None:
    assert ERRORS.keys() < CODES
    with pytest.raises(ValueError, match="code must be one of AccessDenied, "):
        Fault.parsed({"kind": "s3_error", "code": "Nonsense"})


async def test_a_fault_may_wait_for_a_method() -> None:
    async with opened_bucket() as s3:
        s3.asker.sandbox.faults.add(Fault(kind="s3_error", method="GET", times=None))
        assert (await s3.get(DAY_FILE, method="HEAD")).status == 200
        assert (await s3.get(DAY_FILE)).status == 503


@pytest.mark.parametrize("fault", [{"kind": "cut"}, {"kind": "torn"}, {"kind": "cut", "framing": "chunked"}])
async def test_a_transfer_ends_after_a_number_of_bytes_and_goes_on_with_a_range(
    fault: dict[str, Any],
) -> None:
    async with opened_bucket() as s3:
        whole = await s3.get(DAY_FILE)
        s3.asker.sandbox.faults.add(Fault.parsed({"part": 100, "match": DAY_FILE, **fault}))
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
            await s3.get(DAY_FILE)
        rest = await s3.get(DAY_FILE, range="bytes=100-", if_match=whole.headers["ETag"])
        assert (rest.status, rest.body) == (206, whole.body[100:])


async def test_a_transfer_may_look_whole_and_be_half() -> None:
    async with opened_bucket() as s3:
        whole = await s3.get(DAY_FILE)
        s3.asker.sandbox.faults.add(Fault(kind="body", transform="half", match=DAY_FILE))
        half = await s3.get(DAY_FILE)
        assert int(half.headers["Content-Length"]) == len(half.body) == len(whole.body) // 2
        assert half.headers["ETag"] == whole.headers["ETag"]
        assert half.body == whole.body[: len(half.body)]


@pytest.mark.parametrize(
    "fault", [{"kind": "edit"}, {"kind": "corrupt_gzip"}, {"kind": "body", "transform": "empty"}]
)
async def test_faults_of_pages_leave_files_alone(fault: dict[str, Any]) -> None:
    async with opened_bucket() as s3:
        whole = await s3.get(DAY_FILE)
        s3.asker.sandbox.faults.add(Fault.parsed(fault))
        spoiled = await s3.get(DAY_FILE)
        assert (spoiled.status, spoiled.body) == (200, whole.body)
        assert "Content-Encoding" not in spoiled.headers


async def test_a_page_of_a_proxy_may_stand_in_for_a_file() -> None:
    async with opened_bucket() as s3:
        s3.asker.sandbox.faults.add(Fault(kind="body", transform="html", times=2))
        reply = await s3.get(DAY_FILE)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html")
        assert reply.body.startswith(b"<html>")
        head = await s3.get(DAY_FILE, method="HEAD")
        assert (head.status, head.body) == (200, b"")


async def test_a_file_may_change_while_it_is_read() -> None:
    async with opened_bucket() as s3:
        whole = await s3.get(DAY_FILE)
        s3.asker.sandbox.faults.add(Fault(kind="file", match=DAY_FILE, change="corrected"))
        rest = await s3.get(DAY_FILE, range="bytes=100-", if_match=whole.headers["ETag"])
        assert (rest.status, code(rest)) == (412, "PreconditionFailed")
        new = gzip.decompress((await s3.get(DAY_FILE)).body).splitlines()
        old = gzip.decompress(whole.body).splitlines()
        assert sum(one != other for one, other in zip(new, old, strict=True)) == 1


async def test_a_file_may_change_between_two_requests() -> None:
    async with opened_bucket() as s3:
        sandbox = s3.asker.sandbox
        whole = await s3.get(DAY_FILE)
        sandbox.faults.add(Fault(kind="file", match=DAY_FILE, change="corrected", after=2, method="GET"))
        first, head = await s3.get(DAY_FILE), await s3.get(DAY_FILE, method="HEAD")
        assert first.headers["ETag"] == head.headers["ETag"] == whole.headers["ETag"]
        sandbox.clock.advance(60)
        rest = await s3.get(DAY_FILE, if_match=whole.headers["ETag"])
        assert rest.status == 200
        changed = await s3.get(DAY_FILE, if_match=whole.headers["ETag"])
        assert changed.status == 412
        new = (await s3.get(DAY_FILE, method="HEAD")).headers
        assert parsedate_to_datetime(new["Last-Modified"]) == sandbox.clock.now().replace(microsecond=0)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ({"kind": "file", "change": "nonsense"}, "change must be one of corrected, "),
        ({"kind": "file", "change": "missing_column", "column": "vwap"}, "column must be one of ticker, "),
        ({"kind": "s3_error", "code": "x"}, "code must be one of"),
    ],
)
async def test_a_wrong_fault_is_refused(told: dict[str, Any], text: str) -> None:
    async with opened_bucket() as s3:
        reply = await s3.asker.send("POST", "/sandbox/faults", data=orjson.dumps(told))
        assert reply.status == 400
        assert text in reply.page["error"]


async def test_other_processes_change_files() -> None:
    async with opened_bucket() as s3:
        told = {"kind": "file", "change": "no_rows", "match": DAY_FILE}
        assert (await s3.asker.send("POST", "/sandbox/faults", data=orjson.dumps(told))).status == 200
        assert len(await s3.lines(DAY_FILE)) == 1
        await s3.asker.send("DELETE", "/sandbox/faults")
        assert len(await s3.lines(DAY_FILE)) > 1
