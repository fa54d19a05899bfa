"""Judges what goes wrong with the bucket of flat files: the errors of its client, in our words.

The client (obstore) raises a class for some statuses, and tells everything else in a text, which holds the
status and the body of the response, an XML document with a ``Code``. The codes are those of S3.
"""

import re
from http import HTTPStatus

import msgspec

from stockticker_async.errors import ConfigError, ConnectorError

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_KEYS = "Copy flat_files.access_key_id and flat_files.secret_access_key again from your account"
_WRONG = {
    "InvalidAccessKeyId": f"The bucket of flat files does not know the access key id. {_KEYS}.",
    "SignatureDoesNotMatch": "The secret of flat_files does not belong to its access key id (the signature "
    f"does not match). {_KEYS}.",
    "RequestTimeTooSkewed": "The bucket of flat files refuses the clock of this machine "
    "(RequestTimeTooSkewed): a signature is good for 15 minutes. Set the clock.",
    "NoSuchBucket": "flat_files.bucket names no bucket of this endpoint (NoSuchBucket).",
    "AuthorizationHeaderMalformed": "The bucket of flat files does not understand the signature. Check "
    "flat_files.endpoint.",
    "InvalidToken": f"The bucket of flat files does not accept these keys (InvalidToken). {_KEYS}.",
    "ExpiredToken": f"The keys of flat_files have expired. {_KEYS}.",
}
_SLOW = frozenset({"SlowDown", "RequestLimitExceeded", "TooManyRequests", "Throttling", "ServiceUnavailable"})


class Refused(msgspec.Struct, frozen=True):
    """The plan does not include the file."""

    text: str


class Absent(msgspec.Struct, frozen=True):
    """There is no such file."""


class Changed(msgspec.Struct, frozen=True):
    """The file was replaced by another version while it was read."""


class Passing(msgspec.Struct, frozen=True):
    """A fault that may pass."""

    reason: str
    slow_down: bool = False
    """Whether the bucket asks for fewer requests."""


class Unreadable(msgspec.Struct, frozen=True):
    """The bucket answered with something that is not what was asked for."""

    reason: str
    detail: str


class Fatal(msgspec.Struct, frozen=True):
    """A retry would not help."""

    error: ConnectorError


Fault = Refused | Absent | Changed | Passing | Unreadable | Fatal


def judge(error: Exception) -> Fault:
    """Return what an error of the object store's client means."""
    said = str(error).partition("\n\nDebug source")[0]
    status = int(found[1]) if (found := _STATUS.search(said)) else None
    code = found[1] if (found := _CODE.search(said)) else None
    if code in _WRONG:
        return Fatal(ConfigError(_WRONG[code], detail=f"{status}: {code}"))
    if status == HTTPStatus.NOT_FOUND or (status is None and isinstance(error, FileNotFoundError)):
        return Absent()
    if status in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        return Changed()
    if code in _SLOW or status == HTTPStatus.TOO_MANY_REQUESTS:
        return Passing(f"the bucket asks for fewer requests ({code or status})", slow_down=True)
    if status == HTTPStatus.FORBIDDEN:
        return Refused(code or "403")
    if status == HTTPStatus.UNAUTHORIZED:
        return Fatal(ConfigError(f"The bucket of flat files does not accept these keys (401). {_KEYS}."))
    if status is None:
        return _without_status(said, str(error))
    if (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.NOT_MODIFIED)
        or code == "RequestTimeout"
    ):
        return Passing(f"the bucket answered {_answer(status, code)}")
    return Fatal(ConnectorError(f"The bucket of flat files refused our request ({_answer(status, code)})."))


def _without_status(said: str, debug: str) -> Fault:
    """Judge a failure that has no status: of the connection, or of an answer that cannot be read."""
    if "certificate" in debug.lower():
        return Fatal(
            ConfigError(
                "The certificate of the bucket of flat files is not trusted. Where a proxy opens TLS, name "
                "its authority in the environment variable SSL_CERT_FILE."
            )
        )
    if "invalid list response" in said.lower():
        return Unreadable("the bucket's list of files cannot be read.", said[:200])
    return Passing(_without_answer(debug))


def _answer(status: int, code: str | None) -> str:
    return str(status) if code is None else f"{status} {code}"


def _without_answer(debug: str) -> str:
    """Return the reason in words. The client's text names the causes only in its debug form."""
    lowered = debug.lower()
    for sign, reason in (
        ("dns", "the name of the bucket's endpoint cannot be found (no network?)"),
        ("connectionrefused", "no connection to the bucket (Connection refused)"),
        ("timedout", "the bucket did not answer in time"),
        ("tunnel", "the proxy refuses the connection to the bucket"),
        ("proxy", "the proxy refuses the connection to the bucket"),
        ("incompletebody", "a transfer was cut"),
        ("body", "a transfer was cut"),
    ):
        if sign in lowered:
            return reason
    return "the connection to the bucket failed"
