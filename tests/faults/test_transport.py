"""What the way to the API may do to an answer: each a sync of three tickers over real sockets."""

import socket
from typing import Any

import pytest
from faults.ending import BARS_OF_SICK, Case, Healed, Told, ends, ends_on, market
from loopback import certified, relay, speaking

from stockticker_async.limits import LIMITS, Limits
from stockticker_async.sandbox.faults import Fault

CLOSED = "127.0.0.1 closed the connection"
BROKEN = "an answer broke off, or was damaged"
LATE = "127.0.0.1 did not answer in time"
SHORT, SILENT = Limits(call=0.8), Limits(silence=0.8)


def late(limits: Limits, **fields: Any) -> Case:
    """A fault that a deadline ends, once."""
    return Case(faults=struck(1, **fields), ends=Healed(), limits=limits, speed=100.0)


def struck(times: int | None = 2, **fields: Any) -> tuple[Fault, ...]:
    """A fault of the answers for one of the tickers, so often."""
    return (Fault(match=BARS_OF_SICK, times=times, **fields),)


def lasting(said: str, *, limits: Limits = LIMITS, **fields: Any) -> Case:
    """A fault of one ticker without an end."""
    message = rf"http://127\.0\.0\.1:\d+ could not be reached or did not answer for 900 s: {said}\."
    speed = None if limits is LIMITS else 400.0  # so that healthy calls have time, and three tries
    return Case(faults=struck(None, **fields), ends=Told(message=message), limits=limits, speed=speed)


def passing(*, limits: Limits = LIMITS, **fields: Any) -> Case:
    """A fault of one ticker that strikes twice."""
    return Case(faults=struck(**fields), ends=Healed(), limits=limits)


CASES = {
    "reset before an answer, twice": passing(kind="reset"),
    "reset before an answer, for ever": lasting(CLOSED, kind="reset"),
    "reset in a body, twice": passing(kind="torn"),
    "reset in a body, for ever": lasting(f"({BROKEN}|{CLOSED})", kind="torn"),
    "cut with a length, twice": passing(kind="cut"),
    "cut with a length, for ever": lasting(BROKEN, kind="cut"),
    "cut in chunks, twice": passing(kind="cut", framing="chunked"),
    "cut in chunks, for ever": lasting(BROKEN, kind="cut", framing="chunked"),
    "cut without a length, twice": passing(kind="cut", framing="close"),
    "cut without a length, for ever": Case(
        faults=struck(None, kind="cut", framing="close"),
        ends=Told(message=r"the API answered 200 with no whole JSON\."),
    ),
    "corrupt gzip, twice": passing(kind="corrupt_gzip"),
    "corrupt gzip, for ever": lasting(BROKEN, kind="corrupt_gzip"),
    "no answer, once": late(SHORT, kind="hang"),
    "no answer, for ever": lasting(LATE, kind="hang", limits=SHORT),
    "half an answer, once": late(SILENT, kind="drip"),
    "half an answer, for ever": lasting(LATE, kind="drip", limits=SILENT),
    "a byte now and then, once": late(SHORT, kind="drip", seconds=0.02),
    "a byte now and then, for ever": lasting(LATE, kind="drip", seconds=0.02, limits=SHORT),
    "kept connections that are closed": Case(faults=(Fault(kind="leave", times=None),), ends=Healed()),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_transport(case: Case) -> None:
    await ends(case)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def outage(said: str) -> Case:
    """Nothing at all is answered."""
    message = rf"[ABC, ]+: https?://[^ ]+ could not be reached or did not answer for 900 s: {said}"
    return Case(faults=(), ends=Told(message=message, alone=False))


async def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    async with market() as sandbox:
        await ends_on(sandbox, outage(rf"no connection to {url[7:]} \("), base_url=url)


async def test_a_name_that_nobody_knows() -> None:
    async with market() as sandbox:
        case = outage(r"the name api\.invalid cannot be found \(no network\?\)")
        await ends_on(sandbox, case, base_url="http://api.invalid")


async def test_a_server_without_tls() -> None:
    async with market() as sandbox:
        case = outage(r"no secure connection to 127\.0\.0\.1")
        await ends_on(sandbox, case, base_url=sandbox.url.replace("http:", "https:"))


@pytest.mark.parametrize("name", ["127.0.0.1", "another.example.test"])
async def test_a_certificate_that_nobody_trusts(name: str) -> None:
    async with market() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        async with speaking(relay(port), tls=certified(name)) as secure:
            message = r"The certificate of 127\.0\.0\.1 is not trusted \(.*\)\..*SSL_CERT_FILE"
            case = Case(faults=(), ends=Told(message=message, kind="config_error", alone=False))
            await ends_on(sandbox, case, base_url=f"https://127.0.0.1:{secure}")
