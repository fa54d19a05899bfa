"""The controls over HTTP."""

from typing import Any

import orjson
import pytest
from sandbox.asker import opened

PREV = "/v2/aggs/ticker/TSLA/prev"


async def test_other_processes_rule_over_http() -> None:
    async with opened() as asker:

        async def act(method: str, path: str, told: Any = None) -> Any:
            body = b"" if told is None else orjson.dumps(told)
            reply = await asker.send(method, f"/sandbox/{path}", data=body, headers={})
            assert reply.status == 200, reply.body
            return reply.page

        assert await act("POST", "clock", {"now": "2020-12-24T12:00:00Z"}) == {
            "now": "2020-12-24T12:00:00+00:00"
        }
        assert await act("POST", "clock", {"advance": 90}) == {"now": "2020-12-24T12:01:30+00:00"}
        assert await act("GET", "clock") == {"now": "2020-12-24T12:01:30+00:00"}
        await act("POST", "faults", {"kind": "status", "status": 418, "match": "prev", "times": None})
        assert (await asker.get(PREV)).status == 418
        await act("DELETE", "faults")
        assert (await asker.get(PREV)).status == 200
        calls = await act("GET", "calls")
        assert [(call["path"], call["status"], call["via"]) for call in calls] == [
            (PREV, 418, "header"), (PREV, 200, "header"),
        ]  # fmt: skip
        await act("DELETE", "calls")
        assert asker.sandbox.calls == []
        split = {"ticker": "IBM", "execution_date": "2020-12-01", "split_from": 1, "split_to": 3}
        added = await act("POST", "splits", split)
        rows = (await asker.get("/stocks/v1/splits", ticker="IBM")).rows
        assert [row["id"] for row in rows] == [added["id"]]
        assert await act("DELETE", "splits", split) == {"withdrawn": 1}
        assert await act("POST", "unpublished", {"sessions": 1}) == {"sessions": 1}
        assert asker.sandbox.unpublished == 1
        assert (await asker.get(PREV)).rows[0]["t"] == 1608670800000


@pytest.mark.parametrize(
    ("path", "told", "text"),
    [
        ("faults", {"kind": "nonsense"}, "kind must be one of"),
        ("faults", {"kind": "429", "match": "("}, "no regular expression"),
        ("faults", {"kind": "429", "colour": "red"}, "no colour"),
        ("clock", {"now": "2020-12-22"}, "time zone"),
        ("clock", [], "AttributeError"),
        (
            "splits",
            {"ticker": "NOBODY", "execution_date": "2020-12-01", "split_from": 1, "split_to": 2},
            "NOBODY",
        ),
        ("splits", {"ticker": "IBM", "execution_date": "soon"}, "execution_date"),
        ("unpublished", {}, "sessions"),
    ],
)
async def test_a_wrong_order_is_a_400_that_says_why(path: str, told: Any, text: str) -> None:
    async with opened() as asker:
        reply = await asker.send("POST", f"/sandbox/{path}", data=orjson.dumps(told))
        assert reply.status == 400
        assert text in reply.page["error"]
        assert (await asker.send("POST", "/sandbox/everything")).status == 404
