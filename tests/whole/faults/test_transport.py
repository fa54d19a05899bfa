"""What the way to the API may do to an answer: each a sync of three tickers over real sockets."""

import socket
from typing import Any

import pytest
from faults.ending import BARS_OF_SICK, Case, Healed, Told, ends, ends_on, market, params
from loopback import certified, relay, speaking

from stockticker_async.marketdata.call_limits import LIMITS, CallLimits
from stockticker_async.sandbox.service.faults import Fault

CLOSED = "127.0.0.1 closed the connection"
BROKEN = "an answer broke off, or was damaged"
LATE = "127.0.0.1 did not answer in time"
SHORT, SILENT = CallLimits(call=0.8), CallLimits(silence=0.8)


def late(limits: CallLimits, **fields: Any) -> Case:
    """A fault that a deadline ends, once."""
    return Case(faults=struck(1, **fields), ends=Healed(), limits=limits, speed=100.0)


def struck(times: int | None = 2, **fields: Any) -> tuple[Fault, ...]:
    """A fault of the answers for one of the tickers, so often."""
    return (Fault(match=BARS_OF_SICK, times=times, **fields),)


def lasting(said: str, *, limits: CallLimits = LIMITS, **fields: Any) -> Case:
    """A fault of one ticker without an end."""
    message = rf"http://127\.0\.0\.1:\d+ gave no usable answer for 900 s: {said}\."
    speed = None if limits is LIMITS else 400.0  # so that healthy calls have time, and three tries
    return Case(faults=struck(None, **fields), ends=Told(message=message), limits=limits, speed=speed)


def passing(*, limits: CallLimits = LIMITS, **fields: Any) -> Case:
    """A fault of one ticker that strikes twice."""
    return Case(faults=struck(**fields), ends=Healed(), limits=limits)


CASES = {
    "connection reset before a response, twice": passing(kind="reset"),
    "connection reset before a response, for ever": lasting(CLOSED, kind="reset"),
    "connection reset in a body, twice": passing(kind="torn"),
    "connection reset in a body, for ever": lasting(f"({BROKEN}|{CLOSED})", kind="torn"),
    "truncated body with Content-Length, twice": passing(kind="cut"),
    "truncated body with Content-Length, for ever": lasting(BROKEN, kind="cut"),
    "truncated chunked body, twice": passing(kind="cut", framing="chunked"),
    "truncated chunked body, for ever": lasting(BROKEN, kind="cut", framing="chunked"),
    "truncated body of unknown length, twice": passing(kind="cut", framing="close"),
    "truncated body of unknown length, for ever": Case(
        faults=struck(None, kind="cut", framing="close"),
        ends=Told(message=r"the API answered 200 with no whole JSON\."),
    ),
    "corrupt gzip, twice": passing(kind="corrupt_gzip"),
    "corrupt gzip, for ever": lasting(BROKEN, kind="corrupt_gzip"),
    "no response, once": late(SHORT, kind="hang"),
    "no response, for ever": lasting(LATE, kind="hang", limits=SHORT),
    "silence in a body, once": late(SILENT, kind="drip"),
    "silence in a body, for ever": lasting(LATE, kind="drip", limits=SILENT),
    "slow drip, once": late(SHORT, kind="drip", seconds=0.02),
    "slow drip, for ever": lasting(LATE, kind="drip", seconds=0.02, limits=SHORT),
    "closed keep-alive connections": Case(faults=(Fault(kind="leave", times=None),), ends=Healed()),
}


@pytest.mark.parametrize("case", params(CASES))
@pytest.mark.fault("key in output and logs")
async def test_transport(case: Case) -> None:
    await ends(case)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def outage(said: str) -> Case:
    """Nothing at all is answered."""
    message = rf"[ABC, ]+: https?://[^ ]+ gave no usable answer for 900 s: {said}"
    return Case(faults=(), ends=Told(message=message, alone=False))


@pytest.mark.fault("connection refused")
async def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    async with market() as sandbox:
        await ends_on(sandbox, outage(rf"no connection to {url[7:]} \("), base_url=url)


@pytest.mark.fault("unknown host name")
async def test_a_name_that_nobody_knows() -> None:
    async with market() as sandbox:
        case = outage(r"the name api\.invalid cannot be found \(no network\?\)")
        await ends_on(sandbox, case, base_url="http://api.invalid")


@pytest.mark.fault("no TLS at an https address")
async def test_a_server_without_tls() -> None:
    async with market() as sandbox:
        case = outage(r"no secure connection to 127\.0\.0\.1")
        await ends_on(sandbox, case, base_url=sandbox.url.replace("http:", "https:"))


@pytest.mark.parametrize("name", ["127.0.0.1", "another.example.test"])
@pytest.mark.fault("untrusted certificate", "unverifiable TLS")
async def test_a_certificate_that_nobody_trusts(name: str) -> None:
    async with market() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        async with speaking(relay(port), tls=certified(name)) as secure:
            message = r"The certificate of 127\.0\.0\.1 is not trusted \(.*\)\..*SSL_CERT_FILE"
            case = Case(faults=(), ends=Told(message=message, kind="config_error", alone=False))
            await ends_on(sandbox, case, base_url=f"https://127.0.0.1:{secure}")
