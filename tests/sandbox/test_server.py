"""What the server adds to a response: latency, date, compression."""

from email.utils import parsedate_to_datetime
from typing import Any

from sandbox.asker import DAY_BARS, opened

PREV = "/v2/aggs/ticker/TSLA/prev"


async def test_latency_delays_the_answer_by_real_seconds() -> None:
    async with opened(latency=0.001) as asker:
        assert (await asker.get(PREV)).status == 200


async def test_answers_carry_the_sandboxs_own_date() -> None:
    async with opened() as asker:
        for path in (DAY_BARS, "/nowhere"):
            reply = await asker.get(path)
            assert parsedate_to_datetime(reply.headers["Date"]) == asker.sandbox.clock.now()


async def test_large_and_small_bodies_are_compressed_for_who_asks() -> None:
    async with opened() as asker:
        for path in (DAY_BARS, "/v2/aggs/ticker/TSLA/range/1/minute/2020-12-16/2020-12-18"):
            told: list[Any] = []
            for encoding in ("gzip", "identity"):
                headers = {"Authorization": "Bearer demo-key", "Accept-Encoding": encoding}
                reply = await asker.send("GET", path, headers=headers)
                told.append((reply.headers.get("Content-Encoding"), reply.rows))
            assert [encoding for encoding, _ in told] == ["gzip", None]
            assert told[0][1] == told[1][1]
