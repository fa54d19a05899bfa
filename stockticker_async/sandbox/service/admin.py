"""The sandbox's own paths under /sandbox/, for whoever runs it in another process. They need no key."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from stockticker_async.sandbox.endpoints.api_request import parse_day
from stockticker_async.sandbox.endpoints.api_response import JSON, ApiError, ApiResponse, unknown_route
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault

Told = Mapping[str, Any]


def administered(sandbox: Sandbox, method: str, path: str, body: bytes) -> ApiResponse:
    """Do as told and answer with what there is now; a 400 says what was wrong with the telling."""
    act = _ACTS.get((method, path))
    if act is None:
        return unknown_route()
    try:
        told = orjson.loads(body or b"{}")
        return ApiResponse(200, orjson.dumps(act(sandbox, told)))
    except ApiError as error:
        return error.response("")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return ApiResponse(
            400, orjson.dumps({"error": f"{type(error).__name__}: {error}"}), content_type=JSON
        )


def _clock(sandbox: Sandbox, told: Told) -> dict[str, str]:
    """POST {"now": "2020-12-22T17:00:00Z"}, or {"advance": seconds}, or nothing to ask."""
    if "now" in told:
        sandbox.clock.set(datetime.fromisoformat(told["now"]))
    sandbox.clock.advance(float(told.get("advance", 0)))
    return {"now": sandbox.clock.now().isoformat()}


def _add_fault(sandbox: Sandbox, told: Told) -> dict[str, Any]:
    """POST the fields of a `Fault`."""
    sandbox.faults.add(Fault.parsed(told))
    return {}


def _clear_faults(sandbox: Sandbox, _: Told) -> dict[str, Any]:
    sandbox.faults.clear()
    return {}


def _calls(sandbox: Sandbox, _: Told) -> list[dict[str, Any]]:
    return [asdict(call) for call in sandbox.calls]


def _clear_calls(sandbox: Sandbox, _: Told) -> dict[str, Any]:
    sandbox.calls.clear()
    return {}


def _add_split(sandbox: Sandbox, told: Told) -> dict[str, Any]:
    """POST {"ticker", "execution_date", "split_from", "split_to"}."""
    day = parse_day("execution_date", told["execution_date"])
    split = sandbox.add_split(told["ticker"], day, told["split_from"], told["split_to"])
    return {"id": split.id}


def _withdraw_split(sandbox: Sandbox, told: Told) -> dict[str, Any]:
    """DELETE {"ticker", "execution_date"}."""
    day = parse_day("execution_date", told["execution_date"])
    return {"withdrawn": sandbox.withdraw_split(told["ticker"], day)}


def _unpublished(sandbox: Sandbox, told: Told) -> dict[str, int]:
    """POST {"sessions": n}."""
    sandbox.unpublished = int(told["sessions"])
    return {"sessions": sandbox.unpublished}


_ACTS: dict[tuple[str, str], Callable[[Sandbox, Told], Any]] = {
    ("GET", "/sandbox/clock"): _clock,
    ("POST", "/sandbox/clock"): _clock,
    ("POST", "/sandbox/faults"): _add_fault,
    ("DELETE", "/sandbox/faults"): _clear_faults,
    ("GET", "/sandbox/calls"): _calls,
    ("DELETE", "/sandbox/calls"): _clear_calls,
    ("POST", "/sandbox/splits"): _add_split,
    ("DELETE", "/sandbox/splits"): _withdraw_split,
    ("POST", "/sandbox/unpublished"): _unpublished,
}
