"""The controls as paths under /sandbox/, for a sandbox in another process. They need no key."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from stockticker_async.sandbox.endpoints.api_request import parse_day
from stockticker_async.sandbox.endpoints.api_response import JSON, ApiError, ApiResponse, unknown_route
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault

Parameters = Mapping[str, Any]


def administer(sandbox: Sandbox, method: str, path: str, body: bytes) -> ApiResponse:
    """Do what the path says and respond with the new state; a 400 says what is wrong with the body."""
    act = _ACTS.get((method, path))
    if act is None:
        return unknown_route()
    try:
        parameters = orjson.loads(body or b"{}")
        return ApiResponse(200, orjson.dumps(act(sandbox, parameters)))
    except ApiError as error:
        return error.response("")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return ApiResponse(
            400, orjson.dumps({"error": f"{type(error).__name__}: {error}"}), content_type=JSON
        )


def _clock(sandbox: Sandbox, parameters: Parameters) -> dict[str, str]:
    """POST {"now": "2020-12-22T17:00:00Z"}, or {"advance": seconds}; GET only reads."""
    if "now" in parameters:
        sandbox.clock.set(datetime.fromisoformat(parameters["now"]))
    sandbox.clock.advance(float(parameters.get("advance", 0)))
    return {"now": sandbox.clock.now().isoformat()}


def _add_fault(sandbox: Sandbox, parameters: Parameters) -> dict[str, Any]:
    """POST the fields of a `Fault`."""
    sandbox.faults.add(Fault.parsed(parameters))
    return {}


def _clear_faults(sandbox: Sandbox, _: Parameters) -> dict[str, Any]:
    sandbox.faults.clear()
    return {}


def _calls(sandbox: Sandbox, _: Parameters) -> list[dict[str, Any]]:
    return [asdict(call) for call in sandbox.calls]


def _clear_calls(sandbox: Sandbox, _: Parameters) -> dict[str, Any]:
    sandbox.calls.clear()
    return {}


def _add_split(sandbox: Sandbox, parameters: Parameters) -> dict[str, Any]:
    """POST {"ticker", "execution_date", "split_from", "split_to"}."""
    day = parse_day("execution_date", parameters["execution_date"])
    split = sandbox.add_split(parameters["ticker"], day, parameters["split_from"], parameters["split_to"])
    return {"id": split.id}


def _withdraw_split(sandbox: Sandbox, parameters: Parameters) -> dict[str, Any]:
    """DELETE {"ticker", "execution_date"}."""
    day = parse_day("execution_date", parameters["execution_date"])
    return {"withdrawn": sandbox.withdraw_split(parameters["ticker"], day)}


def _unpublished(sandbox: Sandbox, parameters: Parameters) -> dict[str, int]:
    """POST {"sessions": n}."""
    sandbox.unpublished = int(parameters["sessions"])
    return {"sessions": sandbox.unpublished}


def _skew(sandbox: Sandbox, parameters: Parameters) -> dict[str, float]:
    """POST {"seconds": n}: how far the clock by which signatures are judged is ahead of the machine's."""
    sandbox.skew = float(parameters["seconds"])
    return {"seconds": sandbox.skew}


_ACTS: dict[tuple[str, str], Callable[[Sandbox, Parameters], Any]] = {
    ("GET", "/sandbox/clock"): _clock,
    ("POST", "/sandbox/clock"): _clock,
    ("POST", "/sandbox/faults"): _add_fault,
    ("DELETE", "/sandbox/faults"): _clear_faults,
    ("GET", "/sandbox/calls"): _calls,
    ("DELETE", "/sandbox/calls"): _clear_calls,
    ("POST", "/sandbox/splits"): _add_split,
    ("DELETE", "/sandbox/splits"): _withdraw_split,
    ("POST", "/sandbox/unpublished"): _unpublished,
    ("POST", "/sandbox/skew"): _skew,
}
