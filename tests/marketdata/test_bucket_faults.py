"""Errors of the object store's client, as its texts are."""

import pytest

from stockticker_async.errors import ConfigError, ConnectorError
from stockticker_async.marketdata.bucket_faults import Absent, Changed, Fatal, Passing, Refused, judge


def answered(status: int, code: str = "") -> Exception:
    body = f"<Error><Code>{code}</Code><Message>m</Message></Error>" if code else ""
    said = f"Server returned non-2xx status code: {status} X: {body}"
    text = f"Generic S3 error: Error performing GET http://h/b/k in 1ms - {said}"
    return RuntimeError(f"{text}\n\nDebug source:\nGeneric {{ timedout }}")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answered(403, "AccessDenied"), Refused),
        (answered(403), Refused),
        (answered(404, "NoSuchKey"), Absent),
        (FileNotFoundError("Object at location k not found"), Absent),
        (answered(412, "PreconditionFailed"), Changed),
        (answered(416, "InvalidRange"), Changed),
        (answered(503, "SlowDown"), Passing),
        (answered(429), Passing),
        (answered(500, "InternalError"), Passing),
        (answered(400, "RequestTimeout"), Passing),
        (RuntimeError("Generic S3 error: HTTP error\n\nDebug source: TimedOut"), Passing),
        (answered(404, "NoSuchBucket"), Fatal),
        (answered(400, "InvalidArgument"), Fatal),
        (answered(401), Fatal),
    ],
)
def test_an_error_is_told_by_its_status_and_its_code(error: Exception, kind: type) -> None:
    assert type(judge(error)) is kind


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("InvalidAccessKeyId", "does not know the access key id"),
        ("SignatureDoesNotMatch", "does not belong to its access key id"),
        ("RequestTimeTooSkewed", "refuses the clock of this machine"),
        ("ExpiredToken", "have expired"),
    ],
)
def test_the_user_hears_what_to_do(code: str, said: str) -> None:
    found = judge(answered(403, code))
    assert isinstance(found, Fatal)
    assert isinstance(found.error, ConfigError)
    assert said in found.error.message
    assert found.error.detail == f"403: {code}"


def test_a_request_that_we_made_wrong_is_ours() -> None:
    found = judge(answered(400, "InvalidArgument"))
    assert isinstance(found, Fatal)
    assert type(found.error) is ConnectorError


def test_slow_down_is_more_than_a_failure() -> None:
    slow, failed = judge(answered(503, "SlowDown")), judge(answered(502))
    assert isinstance(slow, Passing)
    assert isinstance(failed, Passing)
    assert (slow.slow_down, failed.slow_down) == (True, False)
    assert failed.reason == "the bucket answered 502"


@pytest.mark.parametrize(
    ("debug", "reason"),
    [
        ("dns error", "cannot be found"),
        ("ConnectionRefused", "Connection refused"),
        ("TimedOut", "did not answer in time"),
        ("unsuccessful tunnel", "the proxy refuses"),
        ("IncompleteBody", "a transfer was cut"),
        ("", "the connection to the bucket failed"),
    ],
)
def test_a_connection_fault_has_a_reason(debug: str, reason: str) -> None:
    found = judge(RuntimeError(f"Generic S3 error: HTTP error\n\nDebug source: {debug}"))
    assert isinstance(found, Passing)
    assert reason in found.reason


def test_an_untrusted_certificate_is_for_the_user() -> None:
    found = judge(RuntimeError("x\n\nDebug source: invalid peer certificate: UnknownIssuer"))
    assert isinstance(found, Fatal)
    assert "SSL_CERT_FILE" in found.error.message
