"""Whether the markets are open now, and upcoming holidays."""

from datetime import UTC, date, datetime
from typing import Any

from stockticker_async.sandbox.data.sessions import (
    EARLY_CLOSING,
    EXTENDED_OPENING,
    OPENING,
    closing,
    extended_closing,
    is_session,
    minute_ms,
    upcoming,
)
from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, ok
from stockticker_async.sandbox.endpoints.context import Context

_EXCHANGES = ("NYSE", "NASDAQ", "OTC")
_INDICES = (
    "s_and_p", "societe_generale", "msci", "ftse_russell", "mstar", "mstarc", "cccy", "cgi", "nasdaq",
    "dow_jones",
)  # fmt: skip
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
_FX_TURN = 17 * 60  # currencies pause from Friday to Sunday, 17:00 New York


async def now(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v1/marketstatus/now: flat, and without a request id in its body."""
    local = context.clock.local()
    today, minute = local.toordinal(), local.hour * 60 + local.minute
    session = is_session(today)
    early = session and EXTENDED_OPENING <= minute < OPENING
    late = session and closing(today) <= minute < extended_closing(today)
    regular = session and OPENING <= minute < closing(today)
    state = "open" if regular else "extended-hours" if early or late else "closed"
    body: dict[str, Any] = {
        "afterHours": late,
        "currencies": {"crypto": "open", "fx": _currencies(local, minute)},
        "earlyHours": early,
        "exchanges": {"nasdaq": state, "nyse": state, "otc": "open" if regular else "closed"},
        "indicesGroups": dict.fromkeys(_INDICES, "open" if regular else "closed"),
        "market": state,
        "serverTime": local.replace(microsecond=0).isoformat(),
    }
    return ok(body, request.request_id)


def _currencies(local: datetime, minute: int) -> str:
    match local.weekday():
        case weekday if weekday == _SATURDAY:
            return "closed"
        case weekday if weekday == _FRIDAY:
            return "open" if minute < _FX_TURN else "closed"
        case weekday if weekday == _SUNDAY:
            return "closed" if minute < _FX_TURN else "open"
        case _:
            return "open"


async def holidays(context: Context, request: ApiRequest) -> ApiResponse:
    """GET /v1/marketstatus/upcoming: a bare array, a row an exchange, from today on."""
    rows: list[dict[str, str]] = []
    for closure in upcoming(context.today().toordinal()):
        day = date.fromordinal(closure.day).isoformat()
        for exchange in _EXCHANGES:
            row = {"date": day, "exchange": exchange, "name": closure.name, "status": "closed"}
            if closure.early:
                row["status"] = "early-close"
                row["open"] = _utc(closure.day, OPENING)
                row["close"] = _utc(closure.day, EARLY_CLOSING)
            rows.append(row)
    return ok(rows, request.request_id)


def _utc(day: int, minute: int) -> str:
    """An instant as `2020-11-27T14:30:00.000Z`."""
    moment = datetime.fromtimestamp(minute_ms(day, minute) / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
