"""Proxies of the environment: which one counts, what it is shown, and what it may answer."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asking import Counted
from loopback import KEY, NOON, client, relay, speaking

from stockticker_async.errors import ConfigError, TransientError
from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.proxy import Proxy, proxy_for
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.server import serve

API = "https://api.example.test"
PATH = "/v2/aggs/ticker/TSLA/range/1/day/2020-12-14/2020-12-21"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def chosen(url: str = API) -> str | None:
    found = proxy_for(url)
    return None if found is None else str(found.url)


@pytest.mark.parametrize(
    ("name", "value", "proxy"),
    [
        ("https_proxy", "http://proxy.test:3128", "http://proxy.test:3128"),
        ("HTTPS_PROXY", "proxy.test:3128", "http://proxy.test:3128"),
        ("https_proxy", "https://proxy.test", "https://proxy.test"),
        ("all_proxy", "http://proxy.test:3128", "http://proxy.test:3128"),
        ("https_proxy", "", None),
        ("http_proxy", "http://proxy.test:3128", None),
    ],
)
def test_the_proxy_is_the_environments(
    name: str, value: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert chosen() == proxy


@pytest.mark.parametrize(
    ("url", "exceptions", "spared"),
    [
        (API, "api.example.test", True),
        (API, "example.test", True),
        (API, ".example.test", True),
        (API, "*", True),
        (API, "api.example.test:443", True),
        (API, "api.example.test:8443", False),
        (f"{API}:8443/massive", "other.test, api.example.test:8443", True),
        (f"{API}:8443/massive", "api.example.test:443", False),
        (API, "other.test", False),
        ("https://127.0.0.1:8443", "", True),
        ("https://localhost", "", True),
    ],
)
@pytest.mark.fault("no_proxy")
def test_what_no_proxy_names_is_asked_directly(
    url: str,
    exceptions: str,
    spared: bool,  # noqa: FBT001 - a case
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", exceptions)
    assert (chosen(url) is None) is spared


@pytest.mark.parametrize(
    "value",
    [
        "http://someone:p4ssw0rd#x@proxy.test:3128",
        "http://someone:p4ssw0rd@proxy.test:port",
        "http://someone:p4ssw0rd@:3128",
        "http://someone:p4ssw0rd@[::1",
        "socks5://someone:p4ssw0rd@proxy.test:1080",
        "://",
    ],
)
@pytest.mark.fault("invalid proxy address")
async def test_a_proxy_that_cannot_be_used_is_told_at_once_without_its_password(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(ConfigError, match="environment variable https_proxy names no proxy") as caught:
        async with client(API):
            pass
    assert "p4ss" not in caught.value.message
    assert caught.value.detail is None


@pytest.mark.parametrize(
    ("userinfo", "shown"),
    [
        ("", None),
        ("someone:a%3Ab@", "someone:a:b"),
        ("someone@", "someone:"),
        ("jemand:schl%C3%BCssel@", "jemand:schlüssel"),
    ],
)
def test_a_name_and_a_password_are_shown_apart_from_the_address(
    userinfo: str, shown: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://{userinfo}proxy.test:3128")
    found = proxy_for(API)
    assert isinstance(found, Proxy)
    assert str(found.url) == "http://proxy.test:3128"
    assert found.authorization == (None if shown is None else f"Basic {b64encode(shown.encode()).decode()}")


@asynccontextmanager
async def answering(reply: bytes, heads: list[bytes]) -> AsyncIterator[int]:
    """A proxy that answers so."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)
        await writer.drain()

    async with speaking(speak) as port:
        yield port


@pytest.mark.parametrize("userinfo", ["", "someone:p4ssw0rd@"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.fault("proxy password", "key at a proxy")
async def test_a_proxy_is_shown_its_own_password_and_never_the_key(
    scheme: str, userinfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[bytes] = []
    reply = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with answering(reply, heads) as port:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://{userinfo}127.0.0.1:{port}")
        async with client(f"{scheme}://api.example.test") as opened:
            with pytest.raises(
                ConfigError, match=r"wants a name and a password.*http://USER:PASSWORD@"
            ) as caught:
                await opened.get(PATH, len)
            assert opened.calls == 1
    assert "p4ss" not in caught.value.message
    [head] = heads
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
    wanted = f"Basic {b64encode(userinfo[:-1].encode()).decode()}" if userinfo else None
    assert lines.get("Proxy-Authorization") == wanted
    if scheme == "https":
        assert head.startswith(b"CONNECT api.example.test:443 ")
        assert KEY.encode() not in head
    else:
        assert head.count(KEY.encode()) == 1, "which plain http cannot hide"
        assert lines["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "wants a name"),
        (403, r"forbids connections to api\.example\.test:443"),
        (405, "makes no connections"),
    ],
)
@pytest.mark.fault("refused tunnel")
async def test_a_tunnel_that_is_refused_is_for_the_user_to_mend(
    status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status, []) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        async with client(API) as opened:
            with pytest.raises(ConfigError, match=said):
                await opened.get(PATH, len)
            assert opened.calls == 1


@pytest.mark.parametrize(
    ("host", "said"),
    [("127.0.0.1", "the proxy answered 502"), ("proxy.invalid", r"the name proxy\.invalid cannot be found")],
)
@pytest.mark.fault("proxy failure")
async def test_a_proxy_that_fails_may_do_later(host: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", []) as port:
        monkeypatch.setenv("https_proxy", f"http://{host}:{port}")
        async with client(API, clock=Counted()) as opened:
            with pytest.raises(TransientError, match=said):
                await opened.get(PATH, len)
            assert opened.calls > 1


@pytest.mark.fault("proxy failure")
async def test_a_proxy_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    async with client(API, clock=Counted()) as opened:
        with pytest.raises(TransientError, match="the proxy named in the environment cannot be reached"):
            await opened.get(PATH, len)


async def test_plain_http_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []
    async with serve(Options(universe=60, now=NOON, speed=0.0)) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        async with speaking(relay(port, seen=heads)) as proxy:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
            async with client("http://api.example.test") as opened:
                assert isinstance(await opened.get(PATH, len), Answer)
    assert heads[0].startswith(b"GET http://api.example.test/v2/")
