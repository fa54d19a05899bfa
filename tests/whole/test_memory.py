"""What the program takes at most, whatever the server sends, as the kernel counts it."""

import asyncio
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import anyio
import pytest
from loopback import speaking

from stockticker_async.marketdata.call_limits import MIB

MOST_BYTES = 200_000_000
HEAD = b'{"status":"OK","adjusted":true,"ticker":"%b","results":['
MIDNIGHT = 1_608_526_800_000  # 2020-12-21, New York
TESTS = Path(__file__).parents[1]

Said = Callable[[bytes], Iterator[bytes]]
"""A ticker's name to the pieces of its body."""


@cache
def bars(begin: int, count: int, gap: bytes = b"") -> bytes:
    """Minute bars of a session, a second apart: more than the API ever gives of one."""
    return b",".join(
        b'{"v":%d,"vw":1.5,"o":1.25,"c":1.5,"h":2.25,"l":1.125,"t":%d,%b"n":7}'
        % (10_000 + n, MIDNIGHT + 10 * n, gap)
        for n in range(begin, begin + count)
    )


def many_bars(size_bytes: int, name: bytes) -> Iterator[bytes]:
    """Far more bars than were asked for, each a good one."""
    yield HEAD % name
    sent = begin = 0
    while sent < size_bytes:
        piece = bars(begin, 10_000)
        yield b"," * bool(sent) + piece
        sent, begin = sent + len(piece), begin + 10_000
    yield b"]}"


def same_bar(size_bytes: int, name: bytes) -> Iterator[bytes]:
    """Good bars that pack a thousandfold, so that every body of any number is there at once."""
    bar = bars(0, 1)
    yield HEAD % name
    for n in range(size_bytes // MIB):
        yield b"," * bool(n) + b",".join([bar] * (MIB // len(bar)))
    yield b"]}"


def padded(size_bytes: int, name: bytes) -> Iterator[bytes]:
    """Few bars in a large body."""
    yield HEAD % name + bars(0, 10) + b'],"more":"'
    for _ in range(size_bytes // MIB):
        yield b"x" * MIB
    yield b'"}'


def spaced(size_bytes: int, name: bytes) -> Iterator[bytes]:
    """A body that has to be decoded as a whole."""
    yield (HEAD % name).replace(b"[", b" [ ")
    for n in range(size_bytes // MIB):
        yield (b", " if n else b"") + b", ".join([b"{}"] * (MIB // 4))
    yield b"]}"


def news(size_bytes: int, _: bytes) -> Iterator[bytes]:
    """Rows of which each is small, and takes many times its bytes as a dict."""
    row = b'{"id":"%d","tickers":["A"],"published_utc":"2020-12-21T15:00:00Z","a":{},"b":[]}'
    yield b'{"status":"OK","results":['
    for n in range(size_bytes // 80):
        yield (b"," if n else b"") + row % n
    yield b"]}"


def long_texts(size_bytes: int, text_bytes: int, _: bytes) -> Iterator[bytes]:
    """A list whose rows have a long text each."""
    yield b'{"status":"OK","results":['
    for n in range(size_bytes // text_bytes):
        yield b"," * bool(n) + b'{"id":"%d","published_utc":"2020-12-21T15:00:00Z"' % n
        yield b',"tickers":["T00"],"text":"%b"}' % (b"x" * text_bytes)
    yield b"]}"


def shared_texts(tickers: int, text_bytes: int, _: bytes) -> Iterator[bytes]:
    """Three articles, each of which becomes a row for each of its tickers."""
    names = ",".join(f'"B{n}"' for n in range(tickers)).encode()
    yield b'{"status":"OK","results":['
    for n in range(3):
        yield b"," * bool(n) + b'{"id":"%d","published_utc":"2020-12-21T15:00:00Z"' % n
        yield b',"tickers":[%b],"description":"%b"}' % (names, b"x" * text_bytes)
    yield b"]}"


def no_whole_json(size_bytes: int, _: bytes) -> Iterator[bytes]:
    """A list that ends in the middle of a row."""
    yield b'{"status":"OK","results":[{"ticker":"'
    for _n in range(size_bytes // MIB):
        yield b"x" * MIB


def one_long_text(size_bytes: int, _: bytes) -> Iterator[bytes]:
    """A list without rows, beside a text that nobody reads."""
    yield b'{"status":"OK","results":[],"count":0,"text":"'
    for _n in range(size_bytes // MIB):
        yield b"x" * MIB
    yield b'"}'


def one_number(size_bytes: int, _: bytes) -> Iterator[bytes]:
    """A list whose only row is a number of many digits."""
    yield b'{"status":"OK","results":['
    for _n in range(size_bytes // MIB):
        yield b"1" * MIB
    yield b"]}"


def one_long_reason(size_bytes: int, _: bytes) -> Iterator[bytes]:
    """An error with a reason that nobody would read."""
    yield b'{"status":"ERROR","error":"'
    for _n in range(size_bytes // MIB):
        yield b"x" * MIB
    yield b'"}'


@dataclass(frozen=True)
class Case:
    said: Said
    tickers: int = 16
    at_once: int = 16
    gzip: bool = False
    stream: str = "stock_bars"
    market: bool = False


CASES = {
    "16 of 60 MiB, few bars": Case(partial(padded, 60 * MIB)),
    "16 of 60 MiB, many bars": Case(partial(many_bars, 60 * MIB), tickers=4),
    "64 of 20 MiB": Case(partial(padded, 20 * MIB), tickers=64, at_once=64),
    "16 of 60 MiB, packed": Case(partial(padded, 60 * MIB), gzip=True),
    "64 of 60 MiB, packed, a bar again and again": Case(
        partial(same_bar, 60 * MIB), tickers=64, at_once=64, gzip=True
    ),
    "16 of 300 MiB, packed": Case(partial(padded, 300 * MIB), gzip=True),
    "16 of 30 MiB that cannot be cut": Case(partial(spaced, 30 * MIB)),
    "16 of 6 MiB that cannot be cut": Case(partial(spaced, 6 * MIB)),
    "16 of 6 MiB of small rows": Case(partial(news, 6 * MIB), stream="news"),
    "300 of 1 MiB that are no whole JSON": Case(
        partial(no_whole_json, 1 * MIB), tickers=300, stream="related_companies"
    ),
    "6 of 57 MiB that are no whole JSON": Case(partial(no_whole_json, 57 * MIB), tickers=6, stream="news"),
    "4 of 57 MiB of a number": Case(partial(one_number, 57 * MIB), tickers=4, stream="news"),
    "4 of 57 MiB of a reason": Case(partial(one_long_reason, 57 * MIB), tickers=4, stream="news"),
    "4 of 57 MiB of rows with a long text": Case(
        partial(long_texts, 57 * MIB, MIB // 5), tickers=4, stream="news"
    ),
    "59 MiB that are requested again": Case(  # as many rows as the call allows, and no further page
        partial(long_texts, 1000 * 62_000, 62_000), tickers=4, stream="news"
    ),
    "4 of 60 MiB of rows that are too large to write": Case(
        partial(long_texts, 60 * MIB, 5 * MIB), tickers=4, stream="news"
    ),
    "300 rows with a text of 800 KB in common": Case(
        partial(shared_texts, 300, 800_000), stream="news", market=True
    ),
    "4 of 57 MiB of a text": Case(partial(one_long_text, 57 * MIB), tickers=4, stream="news"),
}


def packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


async def peak_bytes(case: Case, folder: Path) -> tuple[int, str]:
    """The program's resident memory at its peak, and what it wrote but for its RECORDs."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
        pieces = iter([b'{"status":"OK","results":[]}'])
        if any(part in path for part in (b"/range/", b"/news", b"/related-companies/")):
            name = path.split(b"/ticker/")[-1].split(b"/")[0]
            pieces = case.said(name)
            if case.gzip:
                head, pieces = head + b"Content-Encoding: gzip\r\n", packed(pieces)
        writer.write(head + b"\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    names = [f"T{n:02}" for n in range(case.tickers)]
    async with speaking(speak) as port:
        told = {
            "stock_ticker": "*" if case.market else ",".join(names),
            "api_key": "demo-key",
            "base_url": f"http://127.0.0.1:{port}",
            "start_date": "2020-12-21",
            "end_date": "2020-12-21",
            "timespan": "day" if case.market else "minute",
            "max_concurrent_requests": case.at_once,
        }
        (folder / "config.json").write_text(json.dumps(told))
        stream = {"name": case.stream, "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
        chosen = {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
        (folder / "catalog.json").write_text(json.dumps({"streams": [chosen]}))
        files = ("--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stockticker_async", "read", *files, stdout=-1, stderr=-1, cwd=TESTS.parent
        )
        assert process.stdout is not None
        kept = []
        peak, rest = 0, b""

        async def watch() -> None:
            nonlocal peak
            while True:
                peak = max(peak, _peak_of(process.pid))
                await anyio.sleep(0.02)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            while piece := await process.stdout.read(MIB):
                *lines, rest = (rest + piece).split(b"\n")
                kept += [line for line in lines if b'"RECORD"' not in line]
            await process.wait()
            group.cancel_scope.cancel()
    return peak, b"\n".join(kept).decode()


def _peak_of(process_id: int) -> int:
    """VmHWM, which never falls; 0 of a process that has ended."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel tells no peak here")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.fault("many large bodies at once")
async def test_the_process_stays_small_whatever_it_is_sent(case: Case, tmp_path: Path) -> None:
    with anyio.fail_after(240):
        peak, told = await peak_bytes(case, tmp_path)
    assert 0 < peak <= MOST_BYTES, f"{peak / 1e6:.0f} MB"
    assert '"STREAM_STATUS"' in told
    assert "unexpected error" not in told
