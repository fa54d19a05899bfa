"""The key, marked, through every fault: it stands in nothing that anybody may see, and goes nowhere else."""

import asyncio
import json
import os
import sys
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from aiohttp import web
from faults import test_answers, test_transport
from faults.ending import (
    BARS_OF_SICK,
    FIRST,
    HASTY,
    KEY,
    NAMES,
    SICK,
    Case,
    Healed,
    Told,
    delivered,
    ends_on,
    in_step,
    leaks,
    market,
    whole,
)
from faults.lies import Page, told
from loopback import authority, certified, relay, serving, speaking, tunnel
from support import BOTH, Run, assert_protocol, raw_config, sync

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog, config
from stockticker_async.errors import ConnectorError
from stockticker_async.marketdata import bar_size, ranges
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.client import open_client
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault

LAUNCH = str(Path(__file__).parents[2] / "launch.py")
CATALOG = json.dumps(catalog.configured(["stock_prices", "stock_bars"], incremental=True))
CASES = {
    name: case
    for name, case in {**test_transport.CASES, **test_answers.CASES}.items()
    if isinstance(case.ends, Told)
}
ENVIRONMENT = "w0rd-of-the-environment"


@pytest.mark.parametrize(
    "shown",
    [
        KEY,
        f"apiKey={KEY[5:13]}...",
        f"...{KEY[-8:]}",
        quote(f"Bearer {KEY}"),
        quote(KEY, safe="")[3:14],
        b64encode(KEY.encode()).decode(),
        b64encode(f"Bearer {KEY}".encode()).decode(),
        b64encode(f"someone:{KEY}".encode()).decode(),
        urlsafe_b64encode(f"x{KEY}".encode()).decode()[8:30],
        KEY.encode().hex(),
    ],
)
@pytest.mark.fault("key in output and logs")
def test_a_piece_of_the_key_would_be_found(shown: str) -> None:
    assert leaks(f"what is shown: {shown}!")
    assert not leaks(f"what is shown: {KEY[:7]} {KEY[8:15]}")


def texts(error: BaseException | None) -> Iterator[str]:
    """All that an exception may show, and those that it comes from."""
    if error is None:
        return
    yield from (str(error), repr(error), repr(error.args), *traceback.format_exception(error))
    if isinstance(error, ConnectorError):
        yield repr(vars(error))
    yield from texts(error.__cause__)
    if not error.__suppress_context__:
        yield from texts(error.__context__)


@contextmanager
def _judged() -> Iterator[None]:
    """Lets an exception pass that shows nothing of the key."""
    try:
        yield
    except ConnectorError as error:
        if found := leaks("\n".join(texts(error))):
            pytest.fail(f"{found} in what {error!r} shows")
        raise


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.fault("key in exceptions")
async def test_exceptions(case: Case) -> None:
    async with market(**case.market) as sandbox:
        for fault in case.faults:
            sandbox.faults.add(fault)
        today = datetime(2020, 12, 22, tzinfo=UTC).date()
        parsed = config.parse(raw_config(sandbox, NAMES), today=today)
        asked = Asked(SICK, today.replace(day=14), today.replace(day=21), bar_size.ONE_DAY, adjusted=True)
        clock = Clock(start=sandbox.clock.now(), speed=5 * HASTY)
        async with open_client(replace(parsed.settings, limits=case.limits), clock) as client:
            with suppress(ConnectorError), _judged():
                async for page in ranges.range_pages(client, asked):
                    assert leaks(repr(page)) == []
            assert leaks(f"{client!r}{parsed!r}") == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.fault("redirect")
async def test_redirects(status: int) -> None:
    """They are not followed: nothing is sent to where they point."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({})

    async with serving(answer) as foreign, market() as sandbox:
        headers = {"Location": f"{foreign.url}/v2/aggs/ticker/BBB"}
        redirect = Fault(kind="status", status=status, match=BARS_OF_SICK, times=None, headers=headers)
        sandbox.faults.add(redirect)
        said = rf"The API answered with a redirect \({status}\), which is not followed"
        await ends_on(sandbox, Case(faults=(), ends=Told(message=said, kind="config_error", alone=False)))
    assert foreign.requests == []


@pytest.mark.parametrize(
    "next_url", ["http://{there}{path}", "//{there}{path}", "http://127.0.0.1@{there}{path}"]
)
@pytest.mark.fault("next_url to another origin")
async def test_further_pages_elsewhere(next_url: str) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({})

    async with serving(answer) as foreign, market(page_rows=2) as sandbox:
        there = next_url.format(there=foreign.url.removeprefix("http://"), path="/v2/aggs/ticker/BBB")
        sandbox.faults.add(
            Fault(kind="edit", edit="next_url", next_url=there, match=BARS_OF_SICK, times=None)
        )
        await ends_on(sandbox, Case(faults=(), ends=Told(message=test_answers.ASTRAY)))
    assert foreign.requests == []


@pytest.mark.fault("base_url over plain http")
async def test_plain_http_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is possible, and told."""
    async with market() as sandbox, speaking(relay(port_of(sandbox))) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
        case = Case(
            faults=(), ends=Healed(warns="is plain http: anyone on the network path can read the API key")
        )
        await ends_on(sandbox, case, base_url="http://api.example.test")


# The whole program, as a process.


@dataclass(frozen=True)
class Left:
    """What a process left, and what others could see of it."""

    run: Run
    stderr: str
    seen: str


def port_of(sandbox: Sandbox) -> int:
    return int(sandbox.url.rpartition(":")[2])


@asynccontextmanager
async def trusting(folder: Path) -> AsyncIterator[dict[str, str]]:
    """An environment in which the tests' authority is believed."""
    path = folder / "authority.pem"
    await anyio.Path(path).write_bytes(authority().cert_pem.bytes())
    yield {"SSL_CERT_FILE": str(path)}


async def launched(
    sandbox: Sandbox, folder: Path, *, environment: Mapping[str, str] | None = None, **options: Any
) -> Left:
    """A sync as a process, under a fast clock."""
    raw = raw_config(sandbox, NAMES, start_date=FIRST, **options)
    files = {"config": json.dumps(raw), "catalog": CATALOG}
    for name, text in files.items():
        await anyio.Path(folder / f"{name}.json").write_text(text)
    process = await asyncio.create_subprocess_exec(
        sys.executable, LAUNCH, sandbox.clock.now().isoformat(), str(HASTY),
        "read", "--debug", "--config", "config.json", "--catalog", "catalog.json",
        cwd=folder,
        env={**os.environ, "ENVIRONMENT_OF_TESTS": ENVIRONMENT, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    seen = await _visible(process.pid)
    with anyio.fail_after(60):
        stdout, stderr = await process.communicate()
    run = Run(stdout, process.returncode)
    assert_protocol(run, BOTH)
    return Left(run, stderr.decode(), seen)


async def _visible(process_id: int) -> str:
    """What every user of the machine may read of a process; nothing where the system tells it otherwise."""
    found = []
    for name in ("cmdline", "comm", "status"):
        path = anyio.Path(f"/proc/{process_id}/{name}")
        if await path.exists():
            found.append(await path.read_text())
    return "\n".join(found)


@pytest.mark.fault("echoed key", "process arguments and environment")
async def test_a_process_that_fails_shows_no_key_and_no_environment(tmp_path: Path) -> None:
    async with market() as sandbox:
        quoted = json.dumps({"status": "ERROR", "error": f"Bearer {KEY} is no key"})
        for fault in (
            Fault(kind="status", status=503, body=f"<html>{KEY}</html>", match="/AAA/range/", times=None),
            Fault(kind="status", status=400, body=quoted, match="/BBB/range/", times=None),
            Fault(kind="body", body=quoted, match="/CCC/range/", times=None),
        ):
            sandbox.faults.add(fault)
        left = await launched(sandbox, tmp_path)
    assert left.run.code == 1
    said = " ".join(error["message"] for error in left.run.errors("stock_bars"))
    assert "Bearer **** is no key" in said, "what the API says is quoted, and masked"
    assert "503" in said
    assert any(text.startswith("503 /v2/aggs/ticker/AAA/") for text in left.run.told("DEBUG"))
    everything = left.run.stdout.decode() + left.stderr + left.seen
    assert leaks(everything) == []
    assert ENVIRONMENT not in everything
    if sys.platform == "linux":
        assert "config.json" in left.seen


@pytest.mark.fault("private authority", "key at a proxy")
async def test_through_a_proxy_the_key_travels_in_tls(tmp_path: Path) -> None:
    """With a password for the proxy, and an authority of one's own."""
    seen: list[bytes] = []
    async with market() as sandbox, trusting(tmp_path) as environment:
        tls = certified("api.example.test")
        async with (
            speaking(relay(port_of(sandbox)), tls=tls) as secure,
            speaking(tunnel(secure, seen=seen)) as proxy,
        ):
            environment["https_proxy"] = f"http://someone:p4ssw0rd@127.0.0.1:{proxy}"
            left = await launched(
                sandbox, tmp_path, environment=environment, base_url="https://api.example.test"
            )
        assert left.run.code == 0
        assert delivered(left.run) == whole(sandbox)
        assert in_step(left.run, NAMES)
    assert seen[0].startswith(b"CONNECT api.example.test:443 HTTP/1.1\r\n")
    assert leaks(b"".join(seen).decode(errors="replace")) == []
    assert "p4ssw0rd" not in left.run.stdout.decode() + left.stderr + left.seen


@pytest.mark.parametrize(
    ("name", "until", "said"),
    [
        ("another.example.test", None, "mismatch"),
        ("127.0.0.1", datetime(2020, 1, 1, tzinfo=UTC), "expired"),
    ],
    ids=["of another host", "expired"],
)
@pytest.mark.fault("invalid certificate", "unverifiable TLS")
async def test_certificates_of_a_known_authority(
    name: str, until: datetime | None, said: str, tmp_path: Path
) -> None:
    async with market() as sandbox, trusting(tmp_path) as environment:
        async with speaking(relay(port_of(sandbox)), tls=certified(name, until=until)) as secure:
            left = await launched(
                sandbox, tmp_path, environment=environment, base_url=f"https://127.0.0.1:{secure}"
            )
        assert sandbox.calls == []
    for stream in BOTH:
        [error] = left.run.errors(stream)
        assert error["failure_type"] == "config_error"
        assert error["message"].startswith("The certificate of 127.0.0.1 is not trusted (")
        assert said in error["message"]


@pytest.mark.fault("echoed key")
async def test_the_key_is_masked_in_rows_too() -> None:
    shown = [
        f"https://images.example/logo.png?apiKey={KEY}",
        quote(KEY, safe=""),
        b64encode(f"Bearer {KEY}".encode()).decode(),
        urlsafe_b64encode(f"someone:{KEY}".encode()).decode(),
    ]

    def echo(page: Page) -> None:
        for row in page["results"]:
            row["image_url"], row["title"], row["author"], row["description"] = shown

    async with market() as sandbox:
        told(sandbox, "/v2/reference/news", echo, None)
        run = await sync(sandbox, NAMES, streams=["news"], start_date="2020-11-01")
        rows = run.records("news")
        assert run.code == 0
        assert {row["image_url"] for row in rows} == {"https://images.example/logo.png?apiKey=****"}
        assert leaks(run.stdout.decode()) == []
