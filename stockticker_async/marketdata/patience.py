"""How long a call is tried again while the API fails: faults that may pass, and outages."""

import logging
import random

from stockticker_async.clock import Clock
from stockticker_async.errors import TransientError
from stockticker_async.marketdata.transport import PassingFaultError

_log = logging.getLogger(__name__)

OUTAGE_TRIES = 3
"""Of a call while nothing else was answered for `PATIENCE` either: a few seconds more."""
PATIENCE = 15 * 60.0
"""Seconds without any success after which a sync gives up on a call."""
_BACKOFF = 0.5  # seconds; doubled with each fault, up to the cap, of which a random half is waited
_BACKOFF_CAP = 60.0


class Patience:
    """Of one client: when something succeeded last, and whether there is an outage."""

    def __init__(self, clock: Clock, base_url: str, seconds: float) -> None:
        """``seconds`` without any success end the patience with a call."""
        self.seconds = seconds
        self._clock = clock
        self._base_url = base_url
        self._last_success = clock.monotonic()
        self._outage = False
        self._fault_told = False

    def succeeded(self) -> None:
        """The API answered, with anything but a fault."""
        self._last_success = self._clock.monotonic()
        self._outage = False

    async def back_off(self, fault: PassingFaultError, faults: int, began: float, patience: float) -> None:
        """Wait before the next try, or raise `TransientError` when patience is used up.

        After an outage has used up the whole patience, the calls that follow try a few times only.
        """
        patience = min(patience, self.seconds)
        waited = self._clock.monotonic() - max(began, self._last_success)
        if waited >= patience or (self._outage and faults >= OUTAGE_TRIES):
            self._outage = self._outage or patience == self.seconds
            raise TransientError(
                f"{self._base_url} gave no usable answer for {patience:.0f} s: {fault}.",
            )
        if not self._fault_told:
            self._fault_told = True
            _log.warning("The API failed, and is asked again: %s", fault)
        wait = min(_BACKOFF_CAP, _BACKOFF * 2 ** min(faults, 10)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        await self._clock.sleep(min(max(wait, fault.after), patience - waited))
