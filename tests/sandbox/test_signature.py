"""Signatures, by Amazon's own examples, and whatever can be wrong with them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sandbox.s3_asker import DAY_FILE, code, opened_bucket, signed

from stockticker_async.sandbox.bucket.s3_errors import S3Error
from stockticker_async.sandbox.bucket.s3_request import S3Request
from stockticker_async.sandbox.bucket.signature import Credentials, verify

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, and of presigned URLs
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
THEN = datetime(2013, 5, 24, tzinfo=UTC).timestamp()
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def example(target: str, signature: str, **more: str) -> S3Request:
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": NOTHING,
        "x-amz-date": "20130524T000000Z",
        **more,
    }
    headers["authorization"] = (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={';'.join(sorted(headers))},Signature={signature}"
    )
    return S3Request("GET", target, headers)


GET = example(
    "/test.txt", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", range="bytes=0-9"
)
LIFECYCLE = example("/?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
LIST = example("/?max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
PRESIGNED = S3Request(
    "GET",
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    {"host": "examplebucket.s3.amazonaws.com"},
)


@pytest.mark.parametrize("request_", [GET, LIFECYCLE, LIST, PRESIGNED])
def test_amazons_examples_are_signed_right(request_: S3Request) -> None:
    verify(request_, EXAMPLE, THEN)


@pytest.mark.parametrize("request_", [GET, LIFECYCLE, LIST, PRESIGNED])
def test_another_secret_another_path_or_another_method_is_another_signature(request_: S3Request) -> None:
    other = Credentials(EXAMPLE.access_key_id, "another")
    moved = S3Request("GET", request_.target.replace("/", "/a", 1), request_.headers)
    head = S3Request("HEAD", request_.target, request_.headers)
    for spoiled, credentials in ((request_, other), (moved, EXAMPLE), (head, EXAMPLE)):
        with pytest.raises(S3Error) as raised:
            verify(spoiled, credentials, THEN)
        assert raised.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("seconds", "refused"), [(-901, True), (-900, False), (900, False), (901, True), (86_400 * 365, True)]
)
def test_a_signature_of_more_than_a_quarter_of_an_hour_away_is_refused(
    seconds: int, *, refused: bool
) -> None:
    if not refused:
        verify(GET, EXAMPLE, THEN + seconds)
        return
    with pytest.raises(S3Error) as raised:
        verify(GET, EXAMPLE, THEN + seconds)
    assert raised.value.code == "RequestTimeTooSkewed"
    assert b"<MaxAllowedSkewMilliseconds>900000<" in raised.value.response("/").body


@pytest.mark.parametrize(
    ("seconds", "refused"), [(-901, True), (-900, False), (86_400, False), (86_401, True)]
)
def test_a_presigned_url_has_its_time(seconds: int, *, refused: bool) -> None:
    if not refused:
        verify(PRESIGNED, EXAMPLE, THEN + seconds)
        return
    with pytest.raises(S3Error) as raised:
        verify(PRESIGNED, EXAMPLE, THEN + seconds)
    assert raised.value.code == "AccessDenied"


def test_a_body_is_what_its_hash_says() -> None:
    with pytest.raises(S3Error) as raised:
        verify(S3Request("GET", GET.target, GET.headers, b"something"), EXAMPLE, THEN)
    assert raised.value.code == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"authorization": ""}, "AccessDenied"),
        ({"authorization": "Bearer demo-key"}, "AccessDenied"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a"}, "AuthorizationHeaderMalformed"),
        ({"authorization": GET.headers["authorization"].replace("us-east-1", "eu-west-1")},
         "AuthorizationHeaderMalformed"),
        ({"authorization": GET.headers["authorization"].replace("/s3/", "/ec2/")},
         "AuthorizationHeaderMalformed"),
        ({"authorization": GET.headers["authorization"].replace("/20130524/", "/20130525/")},
         "AuthorizationHeaderMalformed"),
        ({"authorization": GET.headers["authorization"].replace("AKIA", "AKIB")}, "InvalidAccessKeyId"),
        ({"x-amz-date": "20130524T0000"}, "AccessDenied"),
        ({"x-amz-security-token": "unsigned"}, "AccessDenied"),
    ],
)  # fmt: skip
def test_what_is_no_signature_is_told_apart(change: dict[str, str], expected: str) -> None:
    with pytest.raises(S3Error) as raised:
        verify(S3Request("GET", GET.target, {**GET.headers, **change}), EXAMPLE, THEN)
    assert raised.value.code == expected


def test_a_payload_must_be_named() -> None:
    headers = {name: text for name, text in GET.headers.items() if name != "x-amz-content-sha256"}
    with pytest.raises(S3Error) as raised:
        verify(S3Request("GET", GET.target, headers), EXAMPLE, THEN)
    assert raised.value.code == "InvalidArgument"


def test_a_presigned_url_must_end() -> None:
    for text in ("0", "soon", "604801"):
        target = PRESIGNED.target.replace("Expires=86400", f"Expires={text}")
        with pytest.raises(S3Error) as raised:
            verify(S3Request("GET", target, PRESIGNED.headers), EXAMPLE, THEN)
        assert raised.value.code == "AuthorizationQueryParametersError"


async def test_the_credentials_are_not_the_key_and_can_be_chosen() -> None:
    async with opened_bucket(access_key_id="me", secret_access_key="mine") as s3:
        path = f"/flatfiles/{DAY_FILE}"
        assert (await s3.ask(path, key_id="me", secret="mine")).status == 200
        for key_id, secret, expected in (
            ("me", "demo-key", "SignatureDoesNotMatch"),
            ("demo-key", "mine", "InvalidAccessKeyId"),
        ):
            reply = await s3.ask(path, key_id=key_id, secret=secret)
            assert (reply.status, code(reply)) == (403, expected)
        reply = await s3.asker.send("GET", path)  # with the API's key
        assert (reply.status, code(reply)) == (403, "AccessDenied")


async def test_signatures_are_judged_by_the_machines_clock_and_its_skew() -> None:
    async with opened_bucket(skew=1000.0) as s3:  # while the market's clock stands in 2020
        now = datetime.now(UTC)

        async def asked(seconds: float) -> Any:
            url = f"{s3.asker.sandbox.url}/flatfiles/{DAY_FILE}"
            headers = signed(url, {}, moment=now + timedelta(seconds=seconds))
            reply = await s3.asker.send("GET", url, headers=headers)
            return reply.status if reply.status == 200 else code(reply)

        assert await asked(0) == "RequestTimeTooSkewed"
        assert await asked(1000) == 200
        assert (await s3.asker.send("POST", "/sandbox/skew", data=b'{"seconds": 0}')).page == {"seconds": 0.0}
        assert await asked(0) == 200


async def test_no_call_tells_its_signature() -> None:
    async with opened_bucket() as s3:
        await s3.get(DAY_FILE, range="bytes=0-9")
        url = f"{s3.asker.sandbox.url}{PRESIGNED.target}"
        await s3.asker.send("GET", url, headers={})
        header, query = s3.asker.sandbox.calls
        assert (header.via, header.conditions, header.status) == ("signature", {"range": "bytes=0-9"}, 206)
        assert (query.via, query.status) == ("signature", 403)
        assert query.query.keys() == {
            "X-Amz-Algorithm", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
        }  # fmt: skip
