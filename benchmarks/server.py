"""The API's answers, made before they are asked for: what they cost is not the clients'.

`python -m benchmarks.server` prints its URL and serves until it is terminated. Every weekday is a session;
a day has 600 minute bars (07:00 to 17:00 New York) and a page at most 50,000 bars, as whole sessions. All
tickers have the same bars. Only what costs time is imitated: there is no key, no plan and no split.
"""

import argparse
import asyncio
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web

from benchmarks import session_file

_NEW_YORK = ZoneInfo("America/New_York")
_MINUTES = 600
_OPENS = 7 * 60
_PAGE_ROWS = 50_000
_MARKET = 12_000
_LIST_ROWS = 15_000


@dataclass
class Server:
    gzip: bool
    latency: float
    calls: int = field(default=0)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.calls += 1
        await asyncio.sleep(self.latency)
        match request.path.split("/"):
            case [_, "v2", "aggs", "ticker", ticker, "range", "1", span, first, last]:
                parts = _range(request, ticker, span, date.fromisoformat(first), date.fromisoformat(last))
            case [_, "v2", "aggs", "grouped", *_, day]:
                parts = _page({}, _market(date.fromisoformat(day)), None)
            case [_, "stocks", "v1", "short-volume"]:
                parts = _page({}, _short_volume(request.query["date.gte"]), None)
            case [_, "calls"]:  # not of the API
                return web.Response(text=str(self.calls))
            case [_, bucket, *key] if bucket.startswith("files-"):
                return _object([*map(int, bucket.split("-")[1:])], "/".join(key))
            case [_, "stocks", "v1", "splits"]:
                parts = (b'{"status":"OK",', b'"results":[]', b"}")
            case _:
                return web.Response(status=404, text="404 page not found\n")
        headers = {"Content-Type": "application/json"}
        if self.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=_gzipped(*parts), headers=headers)
        return web.Response(body=b"".join(parts), headers=headers)


def _range(
    request: web.BaseRequest, ticker: str, span: str, first: date, last: date
) -> tuple[bytes, bytes, bytes]:
    most = _PAGE_ROWS if span == "day" else _PAGE_ROWS // _MINUTES
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    sessions = [day for day in days if day.weekday() < 5]
    following = None
    if len(sessions) > most:
        path = f"/v2/aggs/ticker/{ticker}/range/1/{span}/{sessions[most]}/{last}"
        following = f"{request.scheme}://{request.host}{path}?{request.query_string}"
    bars = _bars(span, sessions[0], sessions[:most][-1]) if sessions else b""
    return _page({"ticker": ticker}, bars, following)


def _object(sizes: list[int], key: str) -> web.Response:
    """The listing of the bucket, or one of its files. ``sizes`` are as in `session_file.listing`."""
    if not key:
        return web.Response(text=session_file.listing(*sizes), content_type="application/xml")
    head = {"ETag": session_file.ETAG, "Last-Modified": "Sat, 06 Mar 2021 11:00:00 GMT"}
    session = date.fromisoformat(key.rpartition("/")[2].removesuffix(".csv.gz"))
    return web.Response(body=session_file.content(sizes[0], session), headers=head)


def page_of_minutes(first: date, last: date) -> bytes:
    """A page of one ticker's minute bars, both days included."""
    return b"".join(_page({"ticker": "TK00000"}, _bars("minute", first, last), None))


def _page(head: dict[str, str], bars: bytes, following: str | None) -> tuple[bytes, bytes, bytes]:
    """What comes before the bars, the bars, and what comes after them."""
    tail = {"status": "OK", "request_id": "5585acde7e90cf4fa29a0eb8ca0e4c4b", "count": bars.count(b"},{") + 1}
    if following is not None:
        tail["next_url"] = following
    begin = orjson.dumps({**head, "adjusted": True})[:-1] + b',"results":['
    return begin, bars, b"]," + orjson.dumps(tail)[1:]


@cache
def _bars(span: str, first: date, last: date) -> bytes:
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    encode = _day_bar if span == "day" else _minute_bars
    return b",".join(encode(day) for day in days if day.weekday() < 5)


@cache
def _day_bar(day: date) -> bytes:
    return orjson.dumps(_bar(Random(day.toordinal()), _midnight(day), 5_000_000))  # noqa: S311 - no secret


@cache
def _minute_bars(day: date) -> bytes:
    random, begin = Random(day.toordinal()), _midnight(day)  # noqa: S311 - no secret
    bars = [_bar(random, begin + minute * 60_000, 10_000) for minute in range(_OPENS, _OPENS + _MINUTES)]
    return orjson.dumps(bars)[1:-1]


@cache
def _market(day: date) -> bytes:
    return _anywhen().replace(b'"t":0', b'"t":%d' % (_midnight(day) + 57_600_000))


@cache
def _anywhen() -> bytes:
    random = Random(1)  # noqa: S311 - no secret
    bars = [{"T": f"TK{number:05}", **_bar(random, 0, 1_000_000)} for number in range(_MARKET)]
    return orjson.dumps(bars)[1:-1]


@cache
def _short_volume(day: str) -> bytes:
    venues = ("nyse", "nasdaq_carteret", "nasdaq_chicago", "adf")
    volumes = {f"{venue}_short_volume{kind}": 181_219 for venue in venues for kind in ("", "_exempt")}
    totals = {"total_volume": 574_084, "short_volume": 181_219, "short_volume_ratio": 31.57}
    rows = [
        {"ticker": f"TK{number:05}", "date": day, **totals, "exempt_volume": 1, **volumes}
        for number in range(_LIST_ROWS)
    ]
    return orjson.dumps(rows)[1:-1]


def _bar(random: Random, moment: int, volume: int) -> dict[str, float]:
    price = round(random.uniform(20, 400), 2)
    return {
        "v": random.randrange(volume // 100, volume),
        "vw": round(price + random.uniform(-1, 1), 4),
        "o": price,
        "c": round(price + random.uniform(-1, 1), 2),
        "h": round(price + 2, 2),
        "l": round(price - 2, 2),
        "t": moment,
        "n": random.randrange(10, volume // 100),
    }


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), _NEW_YORK).timestamp() * 1000)


def _gzipped(head: bytes, bars: bytes, tail: bytes) -> bytes:
    """The parts as one gzip stream, of which the bars are compressed only once."""
    whole = b"".join((head, bars, tail))
    begin, end = zlib.compressobj(1, wbits=-15), zlib.compressobj(1, wbits=-15)
    return b"".join(
        (
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff",
            begin.compress(head) + begin.flush(zlib.Z_FULL_FLUSH),
            _deflated(bars),
            end.compress(tail) + end.flush(),
            zlib.crc32(whole).to_bytes(4, "little") + len(whole).to_bytes(4, "little"),
        )
    )


@cache
def _deflated(bars: bytes) -> bytes:
    middle = zlib.compressobj(6, wbits=-15)
    return middle.compress(bars) + middle.flush(zlib.Z_FULL_FLUSH)


async def _serve(server: Server) -> None:
    runner = web.ServerRunner(web.Server(server.handle, access_log=None), shutdown_timeout=0.001)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(_serve(Server(given.gzip, given.latency_ms / 1000)))
