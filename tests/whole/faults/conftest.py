"""What holds for every fault: nothing that is logged or written anywhere holds a piece of the key."""

import logging
from collections.abc import Iterator

import pytest
from faults.ending import leaks


@pytest.fixture(autouse=True)
def _no_key(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert leaks("".join((caplog.text, *capfd.readouterr()))) == []
