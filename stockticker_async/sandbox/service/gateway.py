"""The gateway of the API: key, allowance, route, plan, then the endpoint. No socket here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from math import ceil
from typing import Literal
from urllib.parse import urlencode
from uuid import uuid4

from stockticker_async.sandbox.endpoints.api_request import ApiRequest
from stockticker_async.sandbox.endpoints.api_response import (
    ApiError,
    ApiResponse,
    compress,
    denied,
    too_many,
    unauthorized,
    unknown_route,
)
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.routes import Route, routed
from stockticker_async.sandbox.service.allowance import Allowance

Via = Literal["header", "query", "signature", "none"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: str
    path: str
    """Still percent-encoded."""
    query: Mapping[str, str]
    """Decoded, without the key."""
    origin: str
    key: str
    via: Via
    """How the key was sent."""

    @property
    def url(self) -> str:
        """The URL of the request, without the key."""
        return f"{self.origin}{self.path}" + (f"?{urlencode(self.query)}" if self.query else "")


@dataclass(slots=True)
class Gateway:
    context: Context
    allowance: Allowance
    _ahead: dict[object, ApiResponse] = field(default_factory=dict)

    async def respond(self, received: HttpRequest) -> ApiResponse:
        request_id = uuid4().hex
        try:
            return await self._respond(received, request_id)
        except ApiError as error:
            return error.response(request_id)

    async def _respond(self, received: HttpRequest, request_id: str) -> ApiResponse:
        found = routed(received.path)
        if found is None or received.method != "GET":
            return unknown_route()
        self._authorize(received)
        wait = self.allowance.take(self.context.clock.epoch())
        if wait:
            return self._later(wait, request_id)
        route, parts = found
        if route.level > self.context.plan.level or route.pattern.startswith(self.context.options.without):
            raise denied("endpoint")
        request = ApiRequest(received.path, parts, received.query, received.origin, request_id)
        if self.context.options.encode_ahead and route.bars:
            return await self._kept(route, request)
        return await route.respond(self.context, request)

    def _authorize(self, received: HttpRequest) -> None:
        if not received.key:
            raise unauthorized("API Key was not provided")
        if received.key != self.context.options.key:
            raise unauthorized("Unknown API Key")

    def _later(self, wait: float, request_id: str) -> ApiResponse:
        """A 429 as the option `retry_after` says; `wait` seconds of the sandbox's clock are left."""
        response = too_many().response(request_id)
        match self.context.options.retry_after:
            case "absent":
                return response
            case "seconds":
                return replace(response, headers={"Retry-After": str(ceil(wait))})
            case "date":
                moment = self.context.clock.now() + timedelta(seconds=ceil(wait))
                return replace(response, headers={"Retry-After": format_datetime(moment, usegmt=True)})
            case _:
                return replace(response, body=b"")

    async def _kept(self, route: Route, request: ApiRequest) -> ApiResponse:
        """The response as first made, with its request id; made anew on another day, or with other splits.

        So the bars of today stand still, which a benchmark does not look at.
        """
        context = self.context
        state = (context.today(), context.horizon().day, context.market.book.version)
        key = (state, request.origin, request.path, tuple(sorted(request.query.items())))
        response = self._ahead.get(key)
        if response is None:
            response = await route.respond(context, request)
            response = self._ahead[key] = replace(response, compressed=compress(response.body))
        return response
