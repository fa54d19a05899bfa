"""Judges responses by their status; the relevant texts are in one table.

The API answers 403 for four different reasons that only the text of ``message`` distinguishes
(observed in its documentation and public issue threads, 2026). The URL in those texts changed
with the company's name, so it is never matched.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import Any

import msgspec

from stockticker_async.errors import ConfigError, ConnectorError

TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS
RETRY_AFTER_CAP = 3600.0
"""The most seconds to wait before a retry, whatever the API says."""
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")  # more digits are no valid wait
_PASSING = frozenset(
    {
        HTTPStatus.NOT_MODIFIED,  # a cache's answer to a condition that we did not send
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.MISDIRECTED_REQUEST,  # of this connection
        HTTPStatus.LOCKED,
        HTTPStatus.FAILED_DEPENDENCY,
        HTTPStatus.TOO_EARLY,  # of this moment
        460,  # balancers and proxies use 460 and 499 when they believe that the client has left
        499,
    }
)
"""Statuses below 500 that concern the moment or the connection, not the request."""
_PLAIN_ERRORS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
"""Errors that need no text."""
PROXY_WANTS_MORE = (
    "The proxy named in the environment wants a name and a password, or others: write them into its address, "
    "as in http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded."
)


class RefusalReason(Enum):
    """Why the plan refuses a request."""

    ENDPOINT = "the plan does not include this endpoint"
    TIMEFRAME = "the plan does not include this timeframe"
    UNPUBLISHED = "the day is not published yet"


_REFUSAL_PHRASES = (
    ("doesn't include this data timeframe", RefusalReason.TIMEFRAME),
    ("today's data before end of day", RefusalReason.UNPUBLISHED),
    ("not entitled", RefusalReason.ENDPOINT),
)


class Body(msgspec.Struct, frozen=True):
    """200: the decoder judges the body."""


class Later(msgspec.Struct, frozen=True):
    """429: retry after ``after`` seconds; None if the API does not say when."""

    after: float | None


class Again(msgspec.Struct, frozen=True):
    """A passing fault: an outage of the API, or a page of a proxy."""

    reason: str
    after: float = 0.0
    """The seconds that the API asks to wait."""


class Missing(msgspec.Struct, frozen=True):
    """404: the API has no data for the request, or, without a JSON body (``no_route``), no such path."""

    no_route: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """403: the plan refuses the request."""

    why: RefusalReason
    text: str


class Wrong(msgspec.Struct, frozen=True):
    """A retry would not help."""

    error: ConnectorError


Verdict = Body | Later | Again | Missing | Refusal | Wrong


class _ErrorBody(msgspec.Struct):
    """The union of the API's error bodies; a proxy may use the same fields for other values."""

    status: Any = None
    error: Any = None
    message: Any = None


def judge(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    key_from: str = "",
    is_whole: bool = True,
) -> Verdict:
    """Return the verdict on a response. For a dated Retry-After see `retry_after`; ``now`` is aware.

    ``headers`` must ignore the case of names. ``key_from`` is as in `Settings`. If the body is not whole, its
    text counts for nothing: what depends on it is a passing fault.
    """
    if status == HTTPStatus.OK:
        return Body()
    after = retry_after(headers.get("Retry-After"), now=now, sent=http_date(headers.get("Date")))
    if status == TOO_MANY:
        return Later(after)
    # the API sends pages with 200: 1xx and other 2xx come from a proxy
    if not HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return Again(f"the API answered {status}", after or 0.0)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Wrong(
            ConfigError(
                f"The API answered with a redirect ({status}), which is not followed, because the key must "
                "not travel to another address. Set base_url to the address itself."
            )
        )
    if not is_whole and status not in _PLAIN_ERRORS:
        return Again(f"the API answered {status}, and the text of this error did not come", after or 0.0)
    said = error_text(body)
    match status:
        case HTTPStatus.UNAUTHORIZED:
            remedy = f"It came from {key_from} in the environment: copy it" if key_from else "Copy api_key"
            return Wrong(
                ConfigError(
                    f"The API key is wrong: the API does not know it. {remedy} again from your account.",
                    detail=f"401: {said}",
                )
            )
        case HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return Wrong(ConfigError(PROXY_WANTS_MORE))
        case HTTPStatus.FORBIDDEN:
            return _judge_forbidden(said)
        case HTTPStatus.NOT_FOUND:
            return Missing(no_route=said is None)
    return Wrong(ConnectorError(f"The API refused our request ({status}): {said or 'without a reason'}"))


def _judge_forbidden(said: str | None) -> Verdict:
    for phrase, why in _REFUSAL_PHRASES:
        if said is not None and phrase in said:
            return Refusal(why, said)
    return Wrong(
        ConfigError(
            f"The API forbids this (403): {said or 'without a reason'}. Check the key, the plan and "
            "any proxy.",
        )
    )


def error_text(body: bytes) -> str | None:
    """Return the text of an error body, cut to 300 characters; None if it is not a JSON object."""
    try:
        decoded = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    texts = (decoded.error, decoded.message, decoded.status)
    return next((text for text in texts if isinstance(text, str) and text), "")[:300]


def retry_after(text: str | None, *, now: datetime, sent: datetime | None = None) -> float | None:
    """Return the seconds to wait from either form of the header, from 0 to `RETRY_AFTER_CAP`.

    A date counts from the Date of the response (``sent``), of the same clock; from ``now`` if that is
    absent, or gives no possible wait. None if the header is absent or has neither form of RFC 9110 (10.2.3):
    digits or a date. A decimal fraction is accepted, too, because some servers send one.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(text.strip()):
        seconds = float(text)
    else:
        moment = http_date(text)
        if moment is None:
            return None
        seconds = (moment - (sent or now)).total_seconds()
        if not 0 < seconds <= RETRY_AFTER_CAP:
            seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_CAP)


def http_date(text: str | None) -> datetime | None:
    """Return the time (UTC) of a date header; None if it is absent or not a date."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    # the errors of this parser for invalid dates are not documented
    except (ValueError, OverflowError, TypeError, LookupError):
        return None
