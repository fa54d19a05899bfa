"""What holds for every test: nothing blocks the loop, signals arrive, examples are reproducible in CI."""

import gc
import inspect
import linecache
import os
import signal
import traceback
from collections.abc import Iterator
from itertools import islice
from types import FrameType, SimpleNamespace
from typing import Any

import aiohttp
import aioresponses.core
import new_streams
import pytest
from blockbuster import BlockBuster
from hypothesis import settings

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if "CI" in os.environ else "local")


# whoever starts the tests may ignore signals, as `nohup` and a script's `&` do, and processes inherit that
for _signum, _handler in (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
):
    if signal.getsignal(_signum) is signal.SIG_IGN:
        signal.signal(_signum, _handler)


class _Response(aiohttp.ClientResponse):
    """aiohttp 3.14 asks a response for the writer of its request, which aioresponses 0.7.9 does not know."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


aioresponses.core.ClientResponse = _Response  # type: ignore[attr-defined] # not listed, but looked up there

# In debug mode, asyncio notes where every task, future and callback was made, two thirds of the CPU of some
# test files. The checks of the debug mode stay; PYTHONASYNCIODEBUG=1 brings the whole stacks back.
_NOTED_FRAMES = 5
_walk_stack = traceback.walk_stack


def _walk_innermost(f: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    return islice(_walk_stack(f), _NOTED_FRAMES)


if "PYTHONASYNCIODEBUG" not in os.environ:
    traceback.walk_stack = _walk_innermost
    # each note asks the disk whether the sources of its frames have changed
    linecache.checkcache = lambda filename=None: None  # noqa: ARG005


def pytest_sessionstart() -> None:
    """A stream that is not finished makes many tests fail in many ways: one sentence tells more."""
    if (told := new_streams.missing()) is not None:
        pytest.exit(f"{told} (docs/new-stream.md)", returncode=1)


def pytest_collection_finish() -> None:
    """The garbage collector looks at the tests themselves no more, and less often at what they make.

    Tests make records by the hundred thousand and hardly any cycles: a seventh of the CPU of whole syncs was
    looking for garbage among them. What is never awaited or closed is still told, at the latest in the end.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)  # the program's own


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # libraries complain of what an interpreter keeps to its end


@pytest.fixture(scope="session", autouse=True)
def _no_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The programs that tests start need no certificate of the system's; to load them all takes 40 ms each.

    A test of TLS names its own authority.
    """
    none = tmp_path_factory.mktemp("authorities") / "none.pem"
    none.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(none))
        yield


@pytest.fixture(scope="session")
def _watch() -> BlockBuster:
    """Knows which calls block; only those that our own code makes count."""
    watch = BlockBuster("stockticker_async")
    # coverage locks its data at the first line of a module that is imported late
    watch.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
    return watch


@pytest.fixture(autouse=True)
def blockbuster(request: pytest.FixtureRequest, _watch: BlockBuster) -> Iterator[BlockBuster | None]:
    """Lets a blocking call inside the event loop fail an async test.

    A test that must start what blocks by design asks for this fixture and deactivates it.
    """
    if not inspect.iscoroutinefunction(inspect.unwrap(request.function)):
        yield None
        return
    _watch.activate()
    try:
        yield _watch
    finally:
        _watch.deactivate()


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage is not measured in what the test starts: it takes time, memory and files of the processes."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
