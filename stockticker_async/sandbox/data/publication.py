"""When the flat files of a session are published, a pure function of (seed, kind, session)."""

from stockticker_async.sandbox.data.flat_rows import Kind
from stockticker_async.sandbox.data.pseudorandom import fraction, seed_of
from stockticker_async.sandbox.data.sessions import minute_ms

# Minutes after midnight of the session, New York: the evening for the day file; the minute file follows,
# until 11:00 of the next day.
_HOURS: dict[Kind, tuple[int, int]] = {"day": (20 * 60 + 30, 23 * 60), "minute": (24 * 60, 35 * 60)}


def published(seed: int, kind: Kind, day: int) -> int:
    """The moment as seconds of the epoch."""
    first, last = _HOURS[kind]
    minute = first + int((last - first) * fraction(seed_of(seed, "files", kind), day))
    return minute_ms(day, minute) // 1000
