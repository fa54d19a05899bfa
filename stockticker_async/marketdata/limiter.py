"""The allowance: may a call begin now, and what does a 429 tell? All calls pass here, pages and retries too.

Theory of operation
-------------------
**Set.** With ``per_minute`` a call counts from its begin until 60 s after its end. The API counts it at some
moment in between, which we never learn; so no 60 s of the API's clock, rolling or fixed, hold more calls
than we allow, whatever the latencies. A 429 is then about something else, and only waited for.

**Silence.** After a 429 nothing begins for as long as Retry-After says, else for a second. Refused again
right after, the wait doubles, up to a minute, for no window is longer: 1, 2, 4 ... 60 s, or twice what is
named, and so on. What was in flight together with a refused call belongs to the same refusal. The first
success of a call that began after it ends the row. Then one call goes alone, and every success adds one to
those at once.

**Learning** pays only where a limit refuses again and again: each refusal is a call in vain, and without
Retry-After a wait that may be too long. It takes two refusals that say the same; the free plan counts as one
of them. How soon calls succeed after a refusal tells a limit a second (within `_SOON`) from one a minute;
a row that takes longer than any window, or is to take longer, is a storm, which teaches nothing. How many
calls were answered before the refusal is the limit. Where the next call is the one that would be refused, it
goes alone, so that the second refusal costs one call. Nothing below five a minute is believed, which no plan
has.

**Proving.** A number that was learned is not true yet: five calls and then two refusals may be chance. So the
silences go on as they would without it, 1, 2, 4 ... s or twice what Retry-After names, and one call goes
after each. If it succeeds before the minute has room again, the refusals were chance, and the number is
forgotten: a burst costs no more than its own silences. The number is proven when calls are refused until the
minute has room again; when Retry-After names that moment itself; or, where both refusals were observed, by
the first call in vain.

**Believing.** A limit a minute is kept as a set one is. A limit a second is kept by spacing calls evenly:
with bursts the latencies would decide which second they fall into. Both may be wrong, or not be true any
more. So after some time without a refusal one call goes beyond the minute's number, alone, or the pace
rises. A try in vain is followed by the next one only after several times as long.

Figures for every shape of limit: docs/waiting.md.
"""

import math
from collections import deque

import msgspec

_WINDOW = 60.0  # plans tell the allowance a minute
_LONGEST = 60.0  # seconds of a silence that we choose ourselves
_STORM = 75.0  # a minute, and what a doubled wait may overshoot it by
_SOON = 3.5  # seconds: of the waits of 1 and 2 s, and a round trip
_AT_ONCE = 4  # to begin with: the free plan has five calls a minute
_LEAST = 5  # calls a minute of the smallest plan
PER_SECOND = 80  # "unlimited" plans are asked to stay under about 100 calls a second
_FIRST_TRY = 240.0  # seconds until more than a believed number is tried; each try in vain makes it
_LATER = 4  # times as long
_FIRST_RISE, _SURE_RISE = (
    2.0,
    16.0,
)  # the same for a pace, where the refusals differed, and where they did not
_STEP = 1.25  # of a pace that rises


def _until(at: float, now: float) -> float:
    """The seconds after which ``now`` is surely no less than ``at``, whatever rounding does."""
    wait = at - now
    while now + wait < at:
        wait = math.nextafter(wait, math.inf)
    return wait


class _Answered(msgspec.Struct):
    """How many calls were answered before a refusal."""

    run: int
    """Since the refusal before it, within a minute: what a fixed window grants."""
    minute: int
    """Within a minute: what a rolling window grants, and a bucket that is filled evenly."""
    second: int

    def shared(self, other: "_Answered") -> int | None:
        """The number of calls a minute that both tell; None where they do not."""
        for mine, theirs in ((self.run, other.run), (self.minute, other.minute)):
            if min(mine, theirs) >= _LEAST and abs(mine - theirs) <= _room(theirs):
                return min(mine, theirs)
        return None


def _room(answered: int) -> int:
    """By how many another number may differ, and tell the same."""
    return max(1, answered // 20)


class _Calls:
    """The calls in flight, and those that ended within the last minute; what of them the API may count."""

    def __init__(self, per_second: int) -> None:
        self.in_flight = 0
        self.begins: deque[float] = deque(maxlen=per_second)
        self._ends: deque[float] = deque()

    def begin(self, now: float) -> None:
        self.in_flight += 1
        self.begins.append(now)

    def end(self, now: float, *, counts: bool) -> None:
        """A call has ended, which the API counts, or (a 429) does not."""
        self.move(now)
        self.in_flight -= 1
        if counts:
            self._ends.append(now)

    def move(self, now: float) -> None:
        """Forget the calls that ended more than a minute ago."""
        while self._ends and self._ends[0] + _WINDOW <= now:
            self._ends.popleft()

    def ended(self, since: float) -> int:
        """Calls that ended since then, within a minute."""
        place = len(self._ends)
        while place and self._ends[place - 1] >= since:
            place -= 1
        return len(self._ends) - place

    def answered(self, now: float, since: float) -> _Answered:
        return _Answered(self.ended(since), len(self._ends), self.ended(now - 1.0))

    def room_at(self, most: int | None) -> float:
        """When fewer than ``most`` calls are within the last minute; inf if only the end of a call helps."""
        surplus = -1 if most is None else self.in_flight + len(self._ends) - most
        if surplus < 0:
            return -math.inf
        return self._ends[surplus] + _WINDOW if surplus < len(self._ends) else math.inf

    def spread_at(self, pace: float | None) -> float:
        """When the next call may begin: at an even pace, and at most ``per_second`` calls a second."""
        if pace is not None and self.begins:
            return self.begins[-1] + 1 / pace
        return self.begins[0] + 1.0 if len(self.begins) == self.begins.maxlen else -math.inf


class Limiter:
    """Stands before all calls of a sync. ``now`` is monotonic seconds and never decreases.

    Each call that `reserve` begins ends with `succeeded`, `refused` or `failed`, and the time of its begin.
    """

    def __init__(self, per_minute: int | None, *, at_once: int, per_second: int = PER_SECOND) -> None:
        """``per_minute`` None: the allowance is learned, and at most ``per_second`` calls begin in a second.

        ``at_once`` is the most calls ever in flight.
        """
        self._set = per_minute
        self._at_once = at_once
        self._crowd = at_once if per_minute is not None else min(_AT_ONCE, at_once)
        self._per_second = per_second
        self._calls = _Calls(per_second)
        self._resumes = -math.inf  # end of the silence
        self._row = 0  # refusals in a row
        self._first = self._last = -math.inf  # when the first and the last one of the row came
        self._since = -math.inf  # when the row before ended
        self._now_answered: _Answered | None = None  # before the row
        self._judged = True  # whether that was compared with the lesson
        # what was answered before the row before, and whether that ended soon; the free plan to begin with
        free = (_Answered(_LEAST, _LEAST, 0), False)
        self._lesson: tuple[_Answered, bool] | None = free if per_minute is None else None
        self._is_guess = True  # the lesson was not observed yet
        self._minute: int | None = per_minute  # calls a minute, set or believed
        self._taught_by = -math.inf  # when the row began that made it believed
        self._pace: float | None = None  # calls a second, believed
        self._try_at, self._patience, self._step = math.inf, 0.0, _STEP
        self._trying = self._proven = self._risen = False
        self._most, self._most_at = 0, -math.inf  # calls answered within a second of the last minute

    def spent(self, calls: int, now: float) -> None:
        """Count calls that others have made with this allowance, up to now."""
        for _ in range(calls):
            self._calls.begin(now)
            self._calls.end(now, counts=True)

    @property
    def in_flight(self) -> int:
        """Calls that began, and have not ended."""
        return self._calls.in_flight

    @property
    def allowance(self) -> int | None:
        """Calls a minute, set or learned; None if none is known."""
        return int(self._pace * _WINDOW) if self._pace is not None else self._minute

    def reserve(self, now: float) -> float:
        """Begin a call (0.0), or return the seconds to wait before asking again; then nothing is taken.

        math.inf: only the end of another call can help. Asked again after exactly the wait, it begins,
        unless something else happened.
        """
        self._calls.move(now)
        if now >= self._resumes and self._now_answered is not None and not self._judged:
            self._judged = True
            self._learn(now, self._now_answered)
        if self.in_flight >= (1 if self._is_doubtful(now) else self._crowd):
            return math.inf
        room = self._room_at()
        at, try_at = (
            max(
                self._resumes, room, -math.inf if self._set is not None else self._calls.spread_at(self._pace)
            ),
            max(self._resumes, self._try_at),
        )
        tries = try_at < room - _SOON and not self.in_flight
        if tries:
            at = max(now, try_at)
        if at <= now:
            self._trying = tries
            self._calls.begin(now)
            return 0.0
        return _until(at, now)

    def succeeded(self, now: float, began: float) -> None:
        """The API answered, with anything but a 429."""
        self._calls.end(now, counts=True)
        if began < self._last:  # it was under way when the refusal came
            if self._now_answered is not None:
                self._now_answered.run += 1
                self._now_answered.minute += 1
                self._now_answered.second += 1
            return
        if self._row:
            self._end_row(now)
        self._crowd = min(self._crowd + 1, self._at_once)
        second = self._calls.ended(now - 1.0)
        if second >= self._most or now >= self._most_at + _WINDOW:
            self._most, self._most_at = second, now
        if self._trying:
            self._trying = False
            self._rise(now)
        elif self._pace is not None and now >= self._try_at:
            self._rise(now)

    def refused(self, now: float, began: float, retry_after: float | None) -> None:
        """The API answered 429, perhaps with a Retry-After of so many seconds from now."""
        self._calls.end(now, counts=self._set is not None)
        tried = self._trying
        if tried:
            self._trying = False
            if self._proven:
                self._patience *= _LATER
                self._try_at = now + self._patience
            elif not self._is_guess:
                self._prove(now)
        if began < self._last:  # the same refusal
            self._resumes = max(self._resumes, now + (retry_after or 0.0))
            return
        if not self._row:
            self._first = now
            # no window of a minute makes anyone wait for longer
            is_storm = (retry_after or 0.0) > _WINDOW + _SOON
            self._now_answered = None if tried or is_storm else self._calls.answered(now, self._since)
            self._judged = False
        self._row += 1
        self._last = now
        named = retry_after or 1.0
        self._resumes = now + max(named, min(_LONGEST, named * 2.0 ** min(self._row - 1, 6)))
        if self._pace is None:
            self._crowd = 1

    def failed(self, now: float) -> None:
        """No answer. The call counts all the same: nobody knows whether it reached the API."""
        self._calls.end(now, counts=True)
        self._trying = False

    def silence(self, now: float) -> float:
        """Seconds that the last 429 still keeps all calls back, whatever the allowance."""
        return max(0.0, self._resumes - now)

    def resumes_at(self, now: float) -> float | None:
        """When the allowance lets the next call begin; None if it does now, or if that is not known yet."""
        self._calls.move(now)
        at = max(self._resumes, self._room_at())
        return at if now < at < math.inf else None

    def _room_at(self) -> float:
        return self._calls.room_at(self._minute)

    def _is_doubtful(self, now: float) -> bool:
        """Whether the next call is the one that would be refused, if the last lesson holds: it goes alone."""
        if self._lesson is None or (self._minute, self._pace) != (None, None):
            return False
        lesson, soon = self._lesson
        number = lesson.second if soon else lesson.run
        since = now - 1.0 if soon else self._since
        beyond = self.in_flight + self._calls.ended(since) - number
        if beyond > _room(number):
            self._lesson, self._crowd = None, min(2, self._at_once)  # it does not
        return self._lesson is not None and beyond >= 0

    def _prove(self, now: float) -> None:
        self._proven, self._patience = True, _FIRST_TRY
        self._try_at = now + self._patience

    def _rise(self, now: float) -> None:
        """More was allowed than was believed."""
        if self._pace is not None:
            self._pace, self._risen = min(self._pace * self._step, self._per_second), True
        elif not self._proven:
            self._minute = None  # what taught it was chance
        elif self._minute is not None:
            self._minute, self._risen = self._minute + max(1, self._minute // 10), True
        self._try_at = now + self._patience

    def _end_row(self, now: float) -> None:
        """Calls succeed again: keep what the row of refusals told, until another one agrees."""
        took = now - self._first
        if self._set is None and self._minute is not None:
            if took > _STORM and self._taught_by == self._first:
                self._minute, self._proven, self._try_at = None, False, math.inf  # it was a storm
            elif not (self._proven or self._trying):
                self._prove(now)  # refused until there was room again, as the number says
        if self._now_answered is not None:
            soon = took <= _SOON
            # a limit a second refuses once: what took more refusals, and ended soon, was none
            taught = self._set is None and took <= _STORM and not (soon and self._row > 1)
            self._lesson, self._is_guess = (self._now_answered, soon) if taught else None, False
        self._row, self._since, self._now_answered = 0, now, None

    def _learn(self, now: float, answered: _Answered) -> None:
        """Believe what two refusals say; or lower what was believed, where it proved too high."""
        if self._set is not None or self._lesson is None or now - self._first > _STORM:
            return
        lesson, soon = self._lesson
        if 2 * answered.second < self._most and (soon or self._pace is not None):
            self._lesson = self._pace = None  # no limit a second explains it
            return
        shared = answered.shared(lesson)
        if self._minute is not None and answered.minute < self._minute:
            self._proven, self._patience = False, 0.0  # it was refused too soon: the number may be chance
        elif self._minute is not None:
            below = self._minute - max(1, self._minute // 10)
            self._minute = max(_LEAST, below if self._risen else min(answered.minute, self._minute - 1))
        elif soon and self._pace is not None:
            slower = min(self._pace / (self._step if self._risen else 1.04), max(1.0, answered.second))
            self._pace = max(slower, (self._most - 1) / 2)
            self._step = max(1.1, 1 + (self._step - 1) * 0.6)
            self._patience = min(self._patience * 3, _LONGEST)
        elif soon:
            self._pace = 0.95 * max(1.0, min(answered.second, lesson.second))
            alike = abs(answered.second - lesson.second) <= _room(lesson.second)
            self._step, self._patience = _STEP, _SURE_RISE if alike else _FIRST_RISE
        elif shared is not None:
            self._pace, self._minute, self._taught_by = None, shared, self._first
            self._proven, self._patience = False, 0.0
            if self._room_at() <= now + _SOON:
                self._prove(now)  # Retry-After named the same moment
        else:
            return
        self._risen, self._try_at = False, now + self._patience
