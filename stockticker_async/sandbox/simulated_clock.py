"""The sandbox's own time: it can start anywhere, run faster, stand still, and be moved."""

import time
from datetime import UTC, date, datetime

from stockticker_async.sandbox.data.sessions import NEW_YORK


class Clock:
    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        """Run from `start` (aware; None: the machine's now), `speed` seconds a real second."""
        self._speed = speed
        self._origin = time.time()
        self._began = time.monotonic()
        if start is not None:
            self.set(start)

    def epoch(self) -> float:
        """Seconds since 1970."""
        return self._origin + (time.monotonic() - self._began) * self._speed

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.epoch(), UTC)

    def local(self) -> datetime:
        """Now, in New York."""
        return datetime.fromtimestamp(self.epoch(), NEW_YORK)

    def today(self) -> date:
        """The New York date."""
        return self.local().date()

    def set(self, moment: datetime) -> None:
        """Go on from `moment`; raises ValueError for a moment without a time zone."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment.isoformat()} has no time zone: write ...Z or ...-05:00")
        self._origin = moment.timestamp()
        self._began = time.monotonic()

    def advance(self, seconds: float) -> None:
        self._origin += seconds
