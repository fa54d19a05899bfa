"""Signatures of requests: AWS Signature Version 4 for S3, in the header or in the query of a presigned URL.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html. A body is signed by its
hash, or not at all (UNSIGNED-PAYLOAD). Signatures in chunks are for uploads, which the bucket has none of.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote

from stockticker_async.sandbox.bucket.s3_errors import S3Error
from stockticker_async.sandbox.bucket.s3_request import S3Request

REGION = "us-east-1"
SKEW = 15 * 60
"""Seconds that the time of a signature may differ from the bucket's."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_TIME = "%Y%m%dT%H%M%SZ"
_LONGEST = 7 * 86_400  # seconds that a presigned URL may be valid
_HEADER = re.compile(
    rf"{_ALGORITHM} Credential=(?P<credential>[^,\s]+),\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>\w+)"
)


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says about its signature."""

    scope: list[str]
    """Access key id, day, region, service, "aws4_request"."""
    signed_headers: list[str]
    signature: str
    time: str
    payload: str
    error: str
    """The code for a claim that makes no sense."""


def verify(request: S3Request, credentials: Credentials, now: float) -> None:
    """Raise the S3Error of a request that is not signed with `credentials` at about `now`, epoch seconds."""
    presigned = "X-Amz-Algorithm" in request.query
    claim = _from_query(request) if presigned else _from_header(request)
    _check_scope(claim)
    if claim.scope[0] != credentials.access_key_id:
        raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=claim.scope[0])
    _check_time(claim, now)
    if presigned:
        _check_expiry(request, claim, now)
    _check_headers(request, claim)
    if not hmac.compare_digest(claim.signature, _signature(request, claim, credentials.secret_access_key)):
        raise S3Error(
            "SignatureDoesNotMatch", AWSAccessKeyId=claim.scope[0], SignatureProvided=claim.signature,
            StringToSign=_string_to_sign(request, claim), CanonicalRequest=_canonical(request, claim),
        )  # fmt: skip
    if claim.payload != _UNSIGNED and claim.payload != sha256(request.body).hexdigest():
        raise S3Error("XAmzContentSHA256Mismatch", ClientComputedContentSHA256=claim.payload)


def _from_header(request: S3Request) -> _Claim:
    found = _HEADER.fullmatch(request.headers.get("authorization", "").strip())
    error = "AuthorizationHeaderMalformed"
    if not request.signed:
        raise S3Error("AccessDenied")
    if found is None:
        raise S3Error(error)
    payload = request.headers.get("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidArgument", "Missing required header for this request: x-amz-content-sha256")
    return _Claim(
        found["credential"].rsplit("/", 4), found["headers"].split(";"), found["signature"],
        request.headers.get("x-amz-date", ""), payload, error,
    )  # fmt: skip


def _from_query(request: S3Request) -> _Claim:
    query = request.query
    return _Claim(
        query.get("X-Amz-Credential", "").rsplit("/", 4),
        query.get("X-Amz-SignedHeaders", "").split(";"),
        query.get("X-Amz-Signature", ""),
        query.get("X-Amz-Date", ""),
        _UNSIGNED,
        "AuthorizationQueryParametersError",
    )


def _check_scope(claim: _Claim) -> None:
    match claim.scope:
        case [_, day, region, "s3", "aws4_request"]:
            if region != REGION:
                text = f"the region '{region}' is wrong; expecting '{REGION}'"
                raise S3Error(claim.error, text, Region=REGION)
            if day != claim.time[:8]:
                raise S3Error(claim.error, f"the day '{day}' of the credential is not the signature's")
        case _:
            raise S3Error(claim.error)


def _check_time(claim: _Claim, now: float) -> None:
    moment = _moment(claim)
    if abs(moment - now) > SKEW and claim.error != "AuthorizationQueryParametersError":
        server = datetime.fromtimestamp(now, UTC).strftime(_TIME)
        raise S3Error(
            "RequestTimeTooSkewed", RequestTime=claim.time, ServerTime=server,
            MaxAllowedSkewMilliseconds=str(SKEW * 1000),
        )  # fmt: skip


def _moment(claim: _Claim) -> float:
    try:
        return datetime.strptime(claim.time, _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        text = "AWS authentication requires a valid Date or x-amz-date header"
        raise S3Error("AccessDenied", text) from None


def _check_expiry(request: S3Request, claim: _Claim, now: float) -> None:
    text = request.query.get("X-Amz-Expires", "")
    if not text.isdecimal() or not 0 < int(text) <= _LONGEST:
        raise S3Error(claim.error, "X-Amz-Expires must be a number of seconds from 1 to 604800")
    moment = _moment(claim)
    if now < moment - SKEW:
        raise S3Error("AccessDenied", "Request is not valid yet")
    if now > moment + int(text):
        raise S3Error("AccessDenied", "Request has expired")


def _check_headers(request: S3Request, claim: _Claim) -> None:
    """The host and every header of Amazon's own must be signed."""
    needed = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    unsigned = sorted(needed.difference(claim.signed_headers))
    if unsigned:
        text = "There were headers present in the request which were not signed"
        raise S3Error("AccessDenied", text, HeadersNotSigned=", ".join(unsigned))


def _signature(request: S3Request, claim: _Claim, secret: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in claim.scope[1:]:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, _string_to_sign(request, claim).encode(), "sha256").hex()


def _string_to_sign(request: S3Request, claim: _Claim) -> str:
    canonical = sha256(_canonical(request, claim).encode()).hexdigest()
    return "\n".join([_ALGORITHM, claim.time, "/".join(claim.scope[1:]), canonical])


def _canonical(request: S3Request, claim: _Claim) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(text, safe="-_.~"))
        for name, text in request.pairs
        if name != "X-Amz-Signature"
    )
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in claim.signed_headers]
    return "\n".join(
        [
            request.method,
            quote(unquote(request.path), safe="/-_.~"),
            "&".join(f"{name}={text}" for name, text in pairs),
            "".join(headers),
            ";".join(claim.signed_headers),
            claim.payload,
        ]
    )
