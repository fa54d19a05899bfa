"""The errors of S3: codes, statuses and messages, as XML."""

from collections.abc import Mapping
from html import escape
from uuid import uuid4

from stockticker_async.sandbox.endpoints.api_response import ApiResponse

XML = "application/xml"

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CODES: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied"),
    "AuthorizationHeaderMalformed": (400, "The authorization header that you provided is not valid."),
    "AuthorizationQueryParametersError": (400, "The query parameters of the authorization are not valid."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidAccessKeyId": (403, "The AWS Access Key Id you provided does not exist in our records."),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "RequestTimeTooSkewed": (
        403,
        "The difference between the request time and the current time is too large.",
    ),
    "RequestTimeout": (
        400,
        "Your socket connection to the server was not read from within the timeout period.",
    ),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SignatureDoesNotMatch": (
        403,
        (
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method."
        ),
    ),
    "SlowDown": (503, "Please reduce your request rate."),
    "XAmzContentSHA256Mismatch": (400, "The provided 'x-amz-content-sha256' header does not match."),
}
CODES = frozenset(_CODES)


class S3Error(Exception):
    """Raised anywhere in the bucket to respond with an error; `details` are further elements of its XML."""

    def __init__(self, code: str, message: str = "", **details: str) -> None:
        """Raises KeyError for an unknown code."""
        self.status, usual = _CODES[code]
        self.code = code
        self._message = message or usual
        self._details = details
        super().__init__(code)

    def response(self, resource: str, headers: Mapping[str, str] | None = None) -> ApiResponse:
        """The response about a path; HEAD requests get it without its body from the server."""
        request_id = uuid4().hex[:16].upper()
        elements = {
            "Code": self.code,
            "Message": self._message,
            **self._details,
            "Resource": resource,
            "RequestId": request_id,
            "HostId": "sandbox",
        }
        body = f"<Error>{''.join(element(name, text) for name, text in elements.items())}</Error>"
        return s3_response(
            self.status, document(body), XML, {**(headers or {}), "x-amz-request-id": request_id}
        )


def element(name: str, text: object) -> str:
    return f"<{name}>{escape(str(text), quote=False)}</{name}>"


def document(body: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()


def s3_response(status: int, body: bytes, content_type: str, headers: Mapping[str, str]) -> ApiResponse:
    """A response that is sent as it is, never compressed for the way."""
    named = {"x-amz-request-id": uuid4().hex[:16].upper(), "x-amz-id-2": "sandbox", **headers}
    return ApiResponse(status, body, "", content_type, named, as_it_is=True)
