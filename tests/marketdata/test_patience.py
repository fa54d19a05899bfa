"""How long a call is tried again: until nothing has succeeded for as long as the patience lasts."""

import logging

import pytest
from asking import Counted

from stockticker_async.errors import TransientError
from stockticker_async.marketdata.patience import OUTAGE_TRIES, Patience
from stockticker_async.marketdata.transport import PassingFaultError

URL = "https://api.example.test"
FAULT = PassingFaultError("an answer broke off")


async def test_faults_are_borne_for_as_long_as_the_patience_lasts_and_no_longer() -> None:
    clock = Counted()
    patience, faults = Patience(clock, URL, 100.0), 0
    while clock.now < 100:
        faults += 1
        await patience.back_off(FAULT, faults, 0.0, 1000.0)
    assert clock.now == pytest.approx(100.0)
    assert faults > OUTAGE_TRIES
    with pytest.raises(TransientError, match=rf"^{URL} gave no usable answer for 100 s: an answer broke off"):
        await patience.back_off(FAULT, faults + 1, 0.0, 1000.0)


async def test_a_success_of_another_call_renews_the_patience() -> None:
    clock = Counted()
    patience = Patience(clock, URL, 100.0)
    for fault in range(1, 60):
        await patience.back_off(FAULT, fault, 0.0, 1000.0)
        patience.succeeded()
    assert clock.now > 1000


async def test_after_an_outage_the_calls_that_follow_try_a_few_times_only() -> None:
    clock = Counted()
    patience = Patience(clock, URL, 0.0)
    with pytest.raises(TransientError):
        await patience.back_off(FAULT, 1, 0.0, 10.0)
    patience.seconds = 100.0
    with pytest.raises(TransientError):
        await patience.back_off(FAULT, OUTAGE_TRIES, clock.now, 10.0)
    patience.succeeded()
    await patience.back_off(FAULT, OUTAGE_TRIES, clock.now, 10.0)


async def test_the_api_is_left_alone_for_as_long_as_it_asks_and_no_longer_than_the_patience() -> None:
    clock = Counted()
    patience = Patience(clock, URL, 100.0)
    await patience.back_off(PassingFaultError("busy", after=90.0), 1, 0.0, 1000.0)
    assert clock.now == 90
    await patience.back_off(PassingFaultError("busy", after=1200.0), 2, 0.0, 1000.0)
    assert clock.now == 100
    with pytest.raises(TransientError, match="100 s: busy"):
        await patience.back_off(PassingFaultError("busy", after=1200.0), 3, 0.0, 1000.0)


async def test_only_the_first_fault_is_told(caplog: pytest.LogCaptureFixture) -> None:
    patience = Patience(Counted(), URL, 100.0)
    for fault in (1, 2, 3):
        await patience.back_off(FAULT, fault, 0.0, 100.0)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
