"""The bucket's client against small servers: what it sends, where it goes on, and what it never sends."""

import asyncio
from collections.abc import Callable
from datetime import date
from unittest.mock import ANY

import pytest
from aiohttp import web
from loopback import authority, serving

from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError, ConfigError, TransientError
from stockticker_async.marketdata import bucket as bucket_module
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bucket import Bucket, open_bucket
from stockticker_async.marketdata.bucket_faults import Absent, Refused
from stockticker_async.marketdata.call_limits import CallLimits
from stockticker_async.marketdata.session_files import FlatFile, key_of
from stockticker_async.marketdata.settings import FlatFiles

DAY = BarSize()
SESSION = date(2024, 5, 1)
FILE = FlatFile(SESSION, key_of(DAY, SESSION), '"one"', 200_000)
CONTENT = bytes(range(250)) * 800
SECRET, KEY_ID = "sEcReT-oF-fIlEs-1234567890", "aCcEsS-kEy-Id-1234567890"
HEAD = {"ETag": '"one"', "Last-Modified": "Wed, 01 May 2024 22:00:00 GMT"}


def bucket(url: str, *, speed: float = 1000.0) -> Bucket:
    return open_bucket(FlatFiles(KEY_ID, SECRET, url), Clock(speed=speed))


def listing(*days: date, token: str = "") -> web.Response:
    objects = "".join(
        f"<Contents><Key>{key_of(DAY, day)}</Key><Size>10</Size><ETag>&quot;e{day}&quot;</ETag>"
        "<LastModified>2024-05-02T11:00:00.000Z</LastModified></Contents>"
        for day in days
    )
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return web.Response(
        text='<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>flatfiles</Name><IsTruncated>{'true' if token else 'false'}</IsTruncated>{more}{objects}"
        "</ListBucketResult>"
    )


async def test_files_are_listed_from_the_first_session_on() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return listing(date(2024, 4, 30), SESSION, date(2024, 5, 2), date(2024, 5, 3))

    async with serving(answer) as site:
        files = await bucket(site.url).files(DAY, SESSION, date(2024, 5, 2))
    assert [(one.session, one.etag, one.size_bytes) for one in files] == [
        (SESSION, '"e2024-05-01"', 10),
        (date(2024, 5, 2), '"e2024-05-02"', 10),
    ]
    (request,) = site.requests
    assert request.query["start-after"] == "us_stocks_sip/day_aggs_v1/2024/05/2024-05-01"
    assert request.query["prefix"] == "us_stocks_sip/day_aggs_v1/"
    assert request.query["list-type"] == "2"


@pytest.mark.fault("bucket without files", "list of the bucket without an end")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: listing(SESSION, token="next"), "repeats itself, or is out of order"),
        (lambda: listing(SESSION, date(2024, 4, 30)), "repeats itself, or is out of order"),
        (lambda: web.Response(text="busy"), "the bucket's list of files cannot be read"),
        (lambda: web.Response(text=""), "the bucket's list of files cannot be read"),
    ],
    ids=["the same page without end", "out of order", "a text", "nothing"],
)
async def test_a_list_that_is_none_is_asked_for_three_times_and_told(
    answer: Callable[[], web.Response], error: str
) -> None:
    async def handle(_: web.BaseRequest) -> web.Response:
        return answer()

    async with serving(handle) as site:
        opened = bucket(site.url)
        with pytest.raises(BadPageError, match=error):
            await opened.files(DAY, SESSION, SESSION)
        assert opened.requests == 3
        assert len(site.requests) <= 3 * 1000  # a page of one file is none of a thousand


async def test_a_list_of_empty_pages_without_end_ends_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        await asyncio.sleep(0.01)
        return listing(token="next")

    monkeypatch.setattr(bucket_module, "LIMITS", CallLimits(call=0.1))
    async with serving(answer) as site:
        with pytest.raises(TransientError, match="the bucket's list of files has no end"):
            await bucket(site.url, speed=5000).files(DAY, SESSION, SESSION)


@pytest.mark.parametrize(
    "page", ["<html><body>Sign in</body></html>", "<Foo></Foo>"], ids=["HTML", "another XML"]
)
async def test_a_list_without_files_is_requested_twice(page: str) -> None:
    answers = [web.Response(text=page), listing(SESSION)]

    async def once(_: web.BaseRequest) -> web.Response:
        return answers.pop(0)

    async def always(_: web.BaseRequest) -> web.Response:
        return web.Response(text=page)

    async with serving(once) as site:
        assert len(await bucket(site.url).files(DAY, SESSION, SESSION)) == 1
    async with serving(always) as site:
        assert await bucket(site.url).files(DAY, SESSION, SESSION) == []
        assert len(site.requests) == 2


async def test_a_list_that_is_damaged_once_is_read() -> None:
    answers = [web.Response(text="busy"), listing(SESSION)]

    async def answer(_: web.BaseRequest) -> web.Response:
        return answers.pop(0)

    async with serving(answer) as site:
        assert len(await bucket(site.url).files(DAY, SESSION, SESSION)) == 1


async def cut(request: web.BaseRequest) -> web.StreamResponse:
    """Half of the content for the first request; what is asked for after that."""
    if "Range" not in request.headers:
        response = web.StreamResponse(headers={**HEAD, "Content-Length": str(len(CONTENT))})
        await response.prepare(request)
        await response.write(CONTENT[:100_000])
        assert request.transport is not None
        request.transport.close()
        return response
    begin = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    assert request.headers["If-Match"] == '"one"'
    place = f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}"
    return web.Response(status=206, body=CONTENT[begin:], headers={**HEAD, "Content-Range": place})


async def test_a_cut_transfer_goes_on_where_it_ended() -> None:
    async with serving(cut) as site:
        assert await bucket(site.url).fetch(FILE) == (CONTENT, '"one"')
    begin = int(site.requests[1].headers["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 80_000 < begin <= 100_000


async def test_a_file_that_was_replaced_is_read_from_its_beginning() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if "Range" in request.headers:
            return web.Response(status=412, text="<Error><Code>PreconditionFailed</Code></Error>")
        if len(site.requests) == 1:
            return await cut(request)
        return web.Response(body=b"new", headers={**HEAD, "ETag": '"two"'})

    async with serving(answer) as site:
        assert await bucket(site.url).fetch(FILE) == (b"new", '"two"')


async def test_a_file_that_is_always_replaced_is_given_up() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=412, text="<Error><Code>PreconditionFailed</Code></Error>")

    async with serving(answer) as site:
        with pytest.raises(BadPageError, match="was replaced 3 times"):
            await bucket(site.url).fetch(FILE)


async def served(content: bytes, etag: str, *, then: bytes | None = None) -> tuple[Bucket, object]:
    """What a fetch of `FILE` gives, where each answer has this content, or all but the first another one."""
    contents = [content, then or content, then or content]

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=contents.pop(0), headers={**HEAD, "ETag": etag} if etag else {})

    async with serving(answer) as site:
        opened = bucket(site.url)
        try:
            return opened, await opened.fetch(FILE)
        except BadPageError as error:
            return opened, error.message


async def drip(
    request: web.BaseRequest, *, at_once: int = 0, size_bytes: int, seconds: float
) -> web.StreamResponse:
    """The whole content: the beginning at once, then so many bytes at a time, with a pause after each."""
    response = web.StreamResponse(headers={**HEAD, "Content-Length": str(len(CONTENT))})
    await response.prepare(request)
    await response.write(CONTENT[:at_once])
    for begin in range(at_once, len(CONTENT), size_bytes):
        await response.write(CONTENT[begin : begin + size_bytes])
        await asyncio.sleep(seconds)
    return response


@pytest.mark.fault("slow flat file")
async def test_a_file_that_drips_ends_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await drip(request, size_bytes=1, seconds=0.01)

    monkeypatch.setattr(bucket_module, "LIMITS", CallLimits(silence=0.3))
    async with serving(answer) as site:
        with pytest.raises(TransientError, match="900 s: a transfer nearly stood still"):
            await bucket(site.url, speed=3000).fetch(FILE)


async def test_the_time_of_silences_does_not_count_as_that_of_a_slow_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        if len(site.requests) <= 6:
            await asyncio.sleep(0.6)
        return web.Response(body=CONTENT, headers=HEAD)

    monkeypatch.setattr(bucket_module, "LIMITS", CallLimits(silence=0.3, call=1.5))
    async with serving(answer) as site:
        assert await bucket(site.url, speed=300).fetch(FILE) == (CONTENT, '"one"')


@pytest.mark.fault("slow flat file")
async def test_a_file_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await drip(request, size_bytes=17_000, seconds=0.2)

    monkeypatch.setattr(bucket_module, "LIMITS", CallLimits(call=1.0, slowest=1_000_000))
    async with serving(answer) as site:
        with pytest.raises(TransientError, match=r"came too slowly: [1-9][0-9]+,000 of 200,000 bytes in 1 s"):
            await bucket(site.url).fetch(FILE)
    assert len(site.requests) == 1


async def test_a_connection_that_drips_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if "Range" not in request.headers:
            return await drip(request, at_once=100_000, size_bytes=1, seconds=0.01)
        return await cut(request)

    monkeypatch.setattr(bucket_module, "LIMITS", CallLimits(silence=0.5))
    async with serving(answer) as site:
        assert await bucket(site.url).fetch(FILE) == (CONTENT, '"one"')
    assert len(site.requests) == 2


@pytest.mark.fault("flat file of another length than in the bucket's list")
async def test_a_file_without_an_etag_must_have_the_length_of_the_list() -> None:
    opened, found = await served(CONTENT[:100_000], "")
    assert found == (f"the file {FILE.key} has 100000 bytes; in the bucket's list, it has {len(CONTENT)}.")
    assert opened.requests == 3


@pytest.mark.fault("flat file of another length than in the bucket's list")
@pytest.mark.parametrize("content", [CONTENT[:100_000], CONTENT + b"more"], ids=["shorter", "longer"])
async def test_a_file_of_another_length_than_in_the_list_is_not_used(content: bytes) -> None:
    opened, found = await served(content, '"one"')
    assert found == (
        f"the file {FILE.key} has {len(content)} bytes; in the bucket's list, it has {len(CONTENT)}."
    )
    assert opened.requests == 3
    assert await served(content, '"one"', then=CONTENT) == (ANY, (CONTENT, '"one"'))


async def test_a_file_that_was_replaced_after_the_list_may_have_any_length() -> None:
    _, found = await served(CONTENT[:100_000], '"two"')
    assert found == (CONTENT[:100_000], '"two"')


@pytest.mark.parametrize(
    ("status", "code", "kind"), [(403, "AccessDenied", Refused), (404, "NoSuchKey", Absent)]
)
async def test_a_refused_and_an_absent_file_are_told_apart(status: int, code: str, kind: type) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>")

    async with serving(answer) as site:
        assert type(await bucket(site.url).fetch(FILE)) is kind
        assert await bucket(site.url).may_read(DAY, SESSION) == (kind is Absent)
        if kind is Refused:
            with pytest.raises(ConfigError, match="does not let these keys list"):
                await bucket(site.url).files(DAY, SESSION, SESSION)


async def test_a_file_beyond_all_measure_is_not_read() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={**HEAD, "Content-Length": str(10**9)})
        await response.prepare(request)
        return response

    async with serving(answer) as site:
        with pytest.raises(BadPageError, match="953 MiB"):
            await bucket(site.url).fetch(FILE)


async def test_slow_down_is_honoured_and_an_outage_ends() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=503, text="<Error><Code>SlowDown</Code></Error>")

    async with serving(answer) as site:
        with pytest.raises(TransientError, match="asks for fewer requests"):
            await bucket(site.url, speed=20_000).fetch(FILE)
        assert len(site.requests) < 60


@pytest.mark.fault("secrets of flat_files")
async def test_the_secret_never_travels_and_no_key_goes_to_another_origin() -> None:
    async def elsewhere(_: web.BaseRequest) -> web.Response:
        return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")

    async with serving(elsewhere) as other:

        async def answer(_: web.BaseRequest) -> web.Response:
            return web.Response(status=307, headers={"Location": f"{other.url}/elsewhere"})

        async with serving(answer) as site:
            assert await bucket(site.url).fetch(FILE) == Absent()
    texts = [str(dict(request.headers)) + request.path_qs for request in (*site.requests, *other.requests)]
    assert not any(SECRET in text for text in texts)
    assert KEY_ID in texts[0]
    assert not any(KEY_ID in text for text in texts[1:])
    assert other.requests


async def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://user:pass@127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def answer(_: web.BaseRequest) -> web.Response:
        return listing(SESSION)

    async with serving(answer) as site:
        assert len(await bucket(site.url).files(DAY, SESSION, SESSION)) == 1
    with pytest.raises(TransientError, match="no connection to the bucket") as refused:
        await bucket("https://files.example.com", speed=50_000).files(DAY, SESSION, SESSION)
    assert "pass" not in refused.value.message


async def test_a_private_authority_is_trusted_where_ssl_cert_file_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return listing(SESSION)

    path = await asyncio.to_thread(tmp_path_factory.mktemp, "authority")
    await asyncio.to_thread(authority().cert_pem.write_to_path, str(path / "ca.pem"))
    async with serving(answer, tls=True) as site:
        with pytest.raises(ConfigError, match="certificate of the bucket"):
            await bucket(site.url).files(DAY, SESSION, SESSION)
        monkeypatch.setenv("SSL_CERT_FILE", str(path / "ca.pem"))
        assert len(await bucket(site.url).files(DAY, SESSION, SESSION)) == 1


def test_the_keys_are_not_in_a_repr() -> None:
    settings = FlatFiles(KEY_ID, SECRET)
    assert KEY_ID not in repr(settings)
    assert SECRET not in repr(settings)
    opened = open_bucket(settings, Clock())
    assert SECRET not in repr(vars(opened))
    assert KEY_ID not in repr(vars(opened))


def test_without_obstore_the_user_hears_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(ConfigError, match="flatfiles"):
        open_bucket(FlatFiles(KEY_ID, SECRET), Clock())
