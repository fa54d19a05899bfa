"""What a response means, decided on numbers; the texts that matter stand in one table.

The API answers 403 for four different things that only the wording of ``message`` tells apart
(observed in its documentation and public issue threads, 2026). The URL in those texts changed
with the company's name, so it is never matched.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import Any

import msgspec

from stockticker_async.errors import ConfigError, ConnectorError

TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS
RETRY_AFTER_CAP = 3600.0
"""Seconds after which we ask again, whatever the API said."""
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")  # of more digits than any wait has, it is noise
_PASSING = frozenset(
    {
        HTTPStatus.NOT_MODIFIED,  # a cache's answer to a question that we did not ask
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.MISDIRECTED_REQUEST,  # of this connection
        HTTPStatus.LOCKED,
        HTTPStatus.FAILED_DEPENDENCY,
        HTTPStatus.TOO_EARLY,  # of this moment
        460,  # what balancers and proxies note where they believe that the client has left
        499,
    }
)
"""Statuses below 500 that tell of a moment or of a connection, and nothing of what was asked."""
PROXY_WANTS_MORE = (
    "The proxy named in the environment wants a name and a password, or others: write them into its address, "
    "as in http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded."
)


class RefusalReason(Enum):
    """Why the plan does not give what was asked."""

    ENDPOINT = "the plan does not include this endpoint"
    TIMEFRAME = "the plan does not include this timeframe"
    UNPUBLISHED = "the day is not published yet"


_REFUSAL_PHRASES = (
    ("doesn't include this data timeframe", RefusalReason.TIMEFRAME),
    ("today's data before end of day", RefusalReason.UNPUBLISHED),
    ("not entitled", RefusalReason.ENDPOINT),
)


@dataclass(frozen=True, slots=True)
class Body:
    """200: what it holds is for the decoder to judge."""


@dataclass(frozen=True, slots=True)
class Later:
    """429: ask again, not before ``after`` seconds where the API says so."""

    after: float | None


@dataclass(frozen=True, slots=True)
class Again:
    """A fault that may pass: their outage, a proxy's page."""

    reason: str


@dataclass(frozen=True, slots=True)
class Missing:
    """404: the API has nothing for this question; or, without a JSON body, no such question."""

    no_route: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """403: the plan."""

    why: RefusalReason
    text: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """Asking again would not help."""

    error: ConnectorError


Verdict = Body | Later | Again | Missing | Refusal | Wrong


class _ErrorBody(msgspec.Struct):
    """The union of the API's error bodies; a proxy may put anything into the same fields."""

    status: Any = None
    error: Any = None
    message: Any = None


def judge(
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime, key_from: str = ""
) -> Verdict:
    """Decide on a response. ``now`` (aware) is what a dated Retry-After is measured against.

    ``headers`` must find names in any case. ``key_from`` is as in `Settings`.
    """
    if status == HTTPStatus.OK:
        return Body()
    if status == TOO_MANY:
        return Later(retry_after(headers.get("Retry-After"), now=now))
    # whole pages come with 200: 1xx and other 2xx are a proxy's, and not of the question
    if not HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return Again(f"the API answered {status}")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Wrong(
            ConfigError(
                f"The API answered with a redirect ({status}), which is not followed, because the key must "
                "not travel to another address. Set base_url to the address itself."
            )
        )
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
    """What an error body says, cut to 300 characters. None when it is not a JSON object."""
    try:
        decoded = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    texts = (decoded.error, decoded.message, decoded.status)
    return next((text for text in texts if isinstance(text, str) and text), "")[:300]


def retry_after(text: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from either form of the header, from 0 up to `RETRY_AFTER_CAP`.

    None when the header is absent, or is nothing that RFC 9110 (10.2.3) knows: digits or a date. A decimal
    fraction is taken, too, since some servers send one.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(text.strip()):
        seconds = float(text)
    else:
        moment = http_date(text)
        if moment is None:
            return None
        seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_CAP)


def http_date(text: str | None) -> datetime | None:
    """The moment (UTC) of a dated header. None when it is absent, or no date."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    # what the parser of e-mails raises for damaged ones is not told by its documentation
    except (ValueError, OverflowError, TypeError, LookupError):
        return None
