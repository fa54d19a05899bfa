"""Lies of a server: changes of the answers that the sandbox gives, told once or for ever."""

from collections.abc import Callable
from typing import Any

import orjson

from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault

Page = dict[str, Any]
Lie = Callable[[Page], object]


def lie(change: Lie) -> Callable[[bytes], bytes]:
    """What spoils a body by a change of its object."""

    def spoil(body: bytes) -> bytes:
        page = orjson.loads(body)
        change(page)
        return orjson.dumps(page)

    return spoil


def told(sandbox: Sandbox, match: str, change: Lie, times: int | None) -> None:
    sandbox.faults.add(Fault(kind="body", match=match, body=lie(change), times=times))


def without(*places: int) -> Lie:
    """Bars left out as by a server that knows no better: its own counts fit."""

    def change(page: Page) -> None:
        left = set(range(len(page["results"]))) - {place % len(page["results"]) for place in places}
        page["results"] = [page["results"][place] for place in sorted(left)]
        page["resultsCount"] = page["count"] = len(page["results"])

    return change


def nothing(page: Page) -> None:
    page.update(results=[], resultsCount=0, count=0)
    page.pop("next_url", None)


def first_half(page: Page) -> None:
    """The counts stay, and say more than there is."""
    page["results"] = page["results"][: len(page["results"]) // 2]
