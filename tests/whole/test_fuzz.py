"""Configurations, catalogs and states that are nearly right: each is a plan, a sync, or one clear error.

Every case goes the program's own way, from argv and files to the lines on stdout, in this process.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from program import KEY, Finished, run_here, sandbox

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog, config
from stockticker_async.errors import ConfigError
from stockticker_async.streams.table import STREAMS
from stockticker_async.sync import state_format
from stockticker_async.sync.state_format import Basis, Entry

T = TypeVar("T")
TODAY = date(2024, 6, 3)
NOON = datetime(2024, 6, 3, 16, tzinfo=UTC)
CONFIG: dict[str, Any] = {
    "stock_ticker": "TSLA, AAPL",
    "api_key": KEY,
    "start_date": "2024-05-01",
    "end_date": "2024-05-20",
    "adjusted": True,
    "multiplier": 1,
    "timespan": "day",
    "include_otc": False,
    "lookback_days": 1,
    "requests_per_minute": 100,
    "max_concurrent_requests": 4,
    "base_url": "https://api.massive.com",
}
CATALOG = catalog.configured(incremental=True)
STATE = [
    {
        "type": "STREAM",
        "stream": {
            "stream_descriptor": {"name": stream.name},
            "stream_state": state_format.write(
                stream,
                Basis(adjusted=True, bar="1 day"),
                {
                    "TSLA": Entry(date(2024, 5, 1), date(2024, 5, 10), "abcd"),
                    "AAPL": Entry(date(2024, 5, 1)),
                },
                {},
            ),
        },
    }
    for stream in STREAMS
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
WORDS = ["TSLA", "*", "a,b", ",", "day", "minute", "incremental", "full_refresh", "http://127.0.0.1:1"]
DATES = ["2024-02-29", "2023-02-29", "1969-12-31", "2999-01-01", "2024-05-20T04:00:00Z", ""]
plausible = st.sampled_from(WORDS) | st.sampled_from(DATES) | st.sampled_from([0, 1, -1, 1e300, [], {}])


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) within a document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, inner in list(items):
        yield document, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def deeply(operation: Callable[..., T], *arguments: Any) -> T:
    """The result, however deep the document: the stack's depth differs between two runs of an example."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 5_000)
    try:
        return operation(*arguments)
    finally:
        sys.setrecursionlimit(limit)


def dumped(document: Any) -> bytes:
    return deeply(json.dumps, document).encode()


def _nested(value: Any, times: int) -> Any:
    for _ in range(times):
        value = [value]
    return value


@st.composite
def mutated(draw: st.DrawFn, valid: Any) -> Any:
    """The valid document with one to three places changed."""
    document = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(1, 3))):
        places = deeply(lambda: list(_places(document)))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        value = holder[key]
        match draw(st.sampled_from(["drop", "twice", "replace", "plausible", "wrap", "text", "rename"])):
            case "drop":
                del holder[key]
            case "twice" if isinstance(holder, list):
                holder.append(value)
            case "replace":
                holder[key] = draw(values)
            case "wrap":
                holder[key] = _nested(value, draw(st.sampled_from([1, 2, 900])))
            case "text":
                holder[key] = deeply(str, value) + draw(st.text(max_size=5))
            case "rename" if isinstance(holder, dict):
                holder[draw(st.text(max_size=10))] = holder.pop(key)
            case _:
                holder[key] = draw(plausible)
    return document


@st.composite
def damaged(draw: st.DrawFn, valid: Any) -> bytes:
    """The bytes of the valid document with some changed, left out, or put in."""
    content = bytearray(json.dumps(valid).encode())
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["flip", "cut", "insert", "end", "repeat"])):
            case "flip" if place < len(content):
                content[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del content[place : place + draw(st.integers(1, 30))]
            case "end":
                del content[place:]
            case "repeat":
                content[place:place] = content[place : place + draw(st.integers(1, 60))]
            case _:
                content[place:place] = draw(st.binary(min_size=1, max_size=5))
    return bytes(content)


def spoiled(valid: Any) -> st.SearchStrategy[bytes]:
    texts = mutated(valid).map(dumped)
    return texts | damaged(valid) | values.map(dumped)


@dataclass(frozen=True)
class Case:
    """Files for one run after the other."""

    folder: Path

    def __call__(
        self, *, command: str = "read", plan: bool = True, speed: float = 1.0, **files: bytes
    ) -> Finished:
        arguments = []
        for name in ("config", "catalog", "state") if command == "read" else ("config",):
            default = {"config": CONFIG, "catalog": CATALOG, "state": STATE}[name]
            path = self.folder / f"{name}.json"
            path.write_bytes(files.get(name, json.dumps(default).encode()))
            arguments += [f"--{name}", str(path)]
        arguments += ["--plan"] if plan and command == "read" else []
        return run_here(command, *arguments, clock=Clock(start=NOON, speed=speed))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("fuzz"))


def is_clear(done: Finished) -> None:
    """A plan, or one error of the user's; nothing on stderr, and no key."""
    assert done.stderr == done.last_words
    if done.returncode == 0:
        assert {message["type"] for message in done.messages} <= {"LOG", "CATALOG"}
    else:
        assert done.returncode == 1
        assert [error["failure_type"] for error in done.errors] == ["config_error"], done.errors
        assert "stack_trace" not in done.errors[0]


def without_key(done: Finished) -> None:
    assert KEY.encode() not in done.stdout


FUZZ = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])


def test_the_files_to_begin_with_are_right(case: Case) -> None:
    done = case()
    assert done.returncode == 0
    assert any("stock_bars" in message["log"]["message"] for message in done.messages)


@FUZZ
@given(spoiled(CONFIG))
@example(b'{"stock_ticker":"A","stock_ticker":"B","api_key":"k","api_key":"l"}')
@example(b'{"stock_ticker":"A","api_key":"k","multiplier":NaN}')
@example(b'{"stock_ticker":"A","api_key":"k","multiplier":1e999}')
@example(b'{"stock_ticker":"A","api_key":"k","lookback_days":123456789012345678901234567890}')
@example(b'{"stock_ticker":"\\ud800","api_key":"k"}')
@example(b"[" * 100_000)
@example(b'{"stock_ticker":' + b"[" * 1000 + b"]" * 1000 + b',"api_key":"k"}')
@example(b'{"stock_ticker":"A","api_key":"k","x":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}")
@pytest.mark.fault("malformed configuration")
def test_a_configuration_that_is_nearly_right(case: Case, content: bytes) -> None:
    is_clear(case(config=content))
    is_clear(case(command="discover", config=content))


@FUZZ
@given(mutated({name: value for name, value in CONFIG.items() if name != "api_key"}))
@pytest.mark.fault("malformed configuration")
def test_a_configuration_s_key_is_never_shown(case: Case, document: Any) -> None:
    done = case(config=dumped({**document, "api_key": KEY}))
    is_clear(done)
    without_key(done)


@FUZZ
@given(spoiled(CATALOG))
@example(b"[" * 100_000)
@example(b'{"streams":[{"stream":{"name":"stock_prices"},"sync_mode":["incremental"]}]}')
@example(b'{"streams":[{"stream":{"name":"' + b"x" * 100_000 + b'"}}]}')
@pytest.mark.fault("malformed catalog")
def test_a_catalog_that_is_nearly_right(case: Case, content: bytes) -> None:
    is_clear(case(catalog=content))


@FUZZ
@given(spoiled(STATE) | mutated({"date": "2024-05-10"}).map(dumped))
@example(b"[" * 100_000)
@example(b'{"stock_prices":{"date":' + b"[" * 1000 + b"]" * 1000 + b"}}")
@example(b'{"stock_prices":{"version":' + b"[" * 1000 + b"]" * 1000 + b"}}")
@example(b'{"date":"0001-01-01"}')
@example(b'{"date":"9999-12-31"}')
@example(b'{"date":"9999-12-31T23:59:59-05:00"}')
@pytest.mark.fault("malformed state")
def test_a_state_that_is_nearly_right(case: Case, content: bytes) -> None:
    done = case(state=content)
    is_clear(done)
    without_key(done)


# Whole syncs


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with sandbox("--clock", "2024-06-03T16:00:00Z") as address:
        yield address


def _is_small(raw: Any) -> bool:
    """Whether a configuration is valid and means some calls for days, not for all minutes since 1970."""
    try:
        parsed = deeply(partial(config.parse, today=TODAY), raw)
    except ConfigError:
        return False
    first = parsed.job.start_date
    return (
        parsed.job.bar.timespan == "day"
        and len(parsed.job.tickers) in (1, 2, 3)
        and (not first or first.year >= 2024)
    )


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    changed=mutated(CONFIG).filter(_is_small),
    asked=st.just(CATALOG) | mutated(CATALOG),
    state=st.just(STATE) | mutated(STATE),
)
@pytest.mark.fault("malformed files in a sync")
def test_files_that_are_nearly_right_are_a_sync_or_an_error(
    case: Case, url: str, changed: Any, asked: Any, state: Any
) -> None:
    raw = {**changed, "api_key": KEY, "base_url": url}
    done = case(plan=False, speed=1000.0, config=dumped(raw), catalog=dumped(asked), state=dumped(state))
    assert done.stderr == done.last_words
    without_key(done)
    assert all("stack_trace" not in error for error in done.errors), done.errors
    assert bool(done.errors) == (done.returncode == 1)
    ended = [status for _, status in done.statuses]
    assert ended.count("STARTED") == ended.count("COMPLETE") + ended.count("INCOMPLETE")
    assert ended or [error["failure_type"] for error in done.errors] == ["config_error"]
