"""From a request to an answer: the key, the allowance, the route, the plan. No socket here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from math import ceil
from typing import Literal
from urllib.parse import urlencode
from uuid import uuid4

from stockticker_async.sandbox.endpoints.api_request import Asked
from stockticker_async.sandbox.endpoints.api_response import (
    Answer,
    Refusal,
    compress,
    denied,
    too_many,
    unauthorized,
    unknown_route,
)
from stockticker_async.sandbox.endpoints.context import World
from stockticker_async.sandbox.endpoints.routes import Route, routed
from stockticker_async.sandbox.service.allowance import Allowance

Via = Literal["header", "query", "none"]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    """Still percent-encoded."""
    query: Mapping[str, str]
    """Decoded, without the key."""
    origin: str
    key: str
    via: Via
    """How the key came."""

    @property
    def url(self) -> str:
        """What was asked, without the key."""
        return f"{self.origin}{self.path}" + (f"?{urlencode(self.query)}" if self.query else "")


@dataclass(slots=True)
class Front:
    world: World
    allowance: Allowance
    _ahead: dict[object, Answer] = field(default_factory=dict)

    async def respond(self, request: Request) -> Answer:
        request_id = uuid4().hex
        try:
            return await self._respond(request, request_id)
        except Refusal as refusal:
            return refusal.answer(request_id)

    async def _respond(self, request: Request, request_id: str) -> Answer:
        found = routed(request.path)
        if found is None or request.method != "GET":
            return unknown_route()
        self._authorize(request)
        wait = self.allowance.take(self.world.clock.epoch())
        if wait:
            return self._later(wait, request_id)
        route, parts = found
        if route.level > self.world.plan.level or route.pattern.startswith(self.world.options.without):
            raise denied("endpoint")
        asked = Asked(request.path, parts, request.query, request.origin, request_id)
        if self.world.options.encode_ahead and route.bars:
            return await self._kept(route, asked)
        return await route.respond(self.world, asked)

    def _authorize(self, request: Request) -> None:
        if not request.key:
            raise unauthorized("API Key was not provided")
        if request.key != self.world.options.key:
            raise unauthorized("Unknown API Key")

    def _later(self, wait: float, request_id: str) -> Answer:
        """A 429 with as much in it as was chosen; `wait` seconds of the sandbox's clock are left."""
        answer = too_many().answer(request_id)
        match self.world.options.retry_after:
            case "absent":
                return answer
            case "seconds":
                return replace(answer, headers={"Retry-After": str(ceil(wait))})
            case "date":
                moment = self.world.clock.now() + timedelta(seconds=ceil(wait))
                return replace(answer, headers={"Retry-After": format_datetime(moment, usegmt=True)})
            case _:
                return replace(answer, body=b"")

    async def _kept(self, route: Route, asked: Asked) -> Answer:
        """The answer as first made, request id and all; made anew on another day, or with other splits.

        So today's bars stand still: whoever measures does not look at them.
        """
        world = self.world
        state = (world.today(), world.horizon().day, world.market.book.version)
        key = (state, asked.origin, asked.path, tuple(sorted(asked.query.items())))
        answer = self._ahead.get(key)
        if answer is None:
            answer = await route.respond(world, asked)
            answer = self._ahead[key] = replace(answer, compressed=compress(answer.body))
        return answer
