"""The allowance: may a call begin now, and what does a 429 tell? All calls pass here, pages and retries too.

Theory of operation
-------------------
**The window.** A call counts from its begin until 60 s after its end. The API counts it at some moment
in between, which we never learn; so no 60 s of the API's clock, rolling or fixed, hold more calls than
we allow, whatever the latencies.

**A refusal.** After a 429 nothing begins until the calls in flight have ended: what they are told belongs
to the same lesson. Then comes silence (Retry-After, else 60 s, doubled up to 480 s while refused again),
then one call alone; every success adds one to the calls at once. After 60 s of silence any allowance has
room for one call, so a refusal then is a storm: it undoes the lesson it began with.

**The lesson.** A constant allowance N refuses when N calls were answered within the minute (rolling), or
N to 2N (fixed: the minute lies across two windows). So N is at least half of the most calls ever answered
in a minute, and at most the number answered in the minute before a 429. The first lesson believes that
number; if it proves too high, we go down to the half.

**Rising.** An allowance used up for two minutes without a 429 is good: one whole fixed window lay within.
Then more is tried: twice as much while nothing was refused, later an eighth of the way to what was, and
twice as much again half an hour after a 429. So a number learned too low (another process used the key, a
short storm) does not stay. A wrong try costs a 429 and brings back what was good. Three may go wrong in
all, the last of which is kept for a number that was good only by chance: then the half is left, which is
rare, and surely not above N.

**Accidents.** Some 429s no constant allowance explains: at or below the half, or clearly below what was good
for long. They are followed by one call a second later. Refused: it teaches like any other. Accepted: it was
an accident and teaches nothing; but after three of them, or one when no try is left, the allowance is
forgotten. After three, further 429s are presumed accidents: an unlimited plan has them now and then.

With `per_minute` set nothing is learned; the waits are the same.
"""

import math
from collections import deque
from dataclasses import dataclass, replace

_WINDOW = 60.0  # plans tell the allowance a minute
_LATE = 10.0  # a 429 may be this old when it ends: calls that it counted may have left our window since
_PROOF = 2 * _WINDOW
_STEADY = 5  # proofs in a row, ten minutes: by then the calls lay in the windows in every way
_RETEST = 1800.0  # what a number too low may cost us, against a 429
_TRIES = 3  # 429s that learning may cost after the first
_ACCIDENTS = 3  # one or two may be another user of the key
_BRIEF = 1.0  # the shortest silence, also when Retry-After is 0
_DOUBLINGS = 3  # 60 + 120 + 240 + 480 s outlast a storm of ten minutes with three more 429s
_RETRY_AFTER = 3600.0  # longer is not believed: the API is asked again
_AT_ONCE = 4  # to begin with: the free plan has five calls a minute
_TIMID = 8  # so many calls above what is good add one that may be refused together with them
_SECOND = 80  # "unlimited" plans are asked to stay under about 100 calls a second


@dataclass(frozen=True, slots=True)
class _Belief:
    """What is held to be true of the API's allowance."""

    allowance: int | None = None
    good: int = 0  # used up for two minutes without a 429, or half of the most answered in one
    bad: int | None = None  # the least that was refused
    bad_since: float = 0.0
    tries: int = _TRIES
    steady: int = 0  # how often `good` proved good
    accidents: int = 0

    def taught(self, now: float, answered: int, half: int) -> "_Belief":
        """After a 429 that followed `answered` calls within a minute. `half` is allowed for sure."""
        if self.allowance is None:
            return _Belief(answered, good=half)
        tries = max(self.tries - 1, 0)
        good, allowance, steady = self.good, self.good, self.steady
        if self.allowance == good:  # only by chance, then
            good = allowance = max(half, min(answered, good - 1)) if tries else half
            steady = 0
        elif tries and steady >= _STEADY:  # with so safe a place to return to, believe the number
            allowance = max(good, answered)
        bad = max(answered, good) + 1
        return _Belief(allowance, good, bad, now, tries, steady, self.accidents)

    def risen(self, now: float) -> "_Belief":
        """After two minutes in which the allowance was used up."""
        good = self.allowance or 0
        bad = self.bad
        if bad is not None and self.tries > 1 and now >= self.bad_since + _RETEST:
            bad = None
        gap = good + 1 if bad is None else bad - good
        # Three in a hundred more are not worth a 429.
        if self.tries <= 1 or gap == 1 or gap * 32 < good:
            allowance = good
        else:
            allowance = good + (good if bad is None else -(-gap // 8))
        steady = self.steady + 1 if good == self.good else 1
        return replace(self, allowance=allowance, good=good, bad=bad, steady=steady)

    def stumbled(self) -> "_Belief":
        """After an accident."""
        accidents = self.accidents + 1
        if accidents < _ACCIDENTS and self.tries:
            return replace(self, accidents=accidents)
        return _Belief(accidents=accidents)


class _Minute:
    """The calls of the last minute."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.begins: deque[float] = deque()
        self.ends: deque[float] = deque()
        self.vain: deque[float] = deque()  # those of `ends` that brought a 429 or no answer
        self._left: deque[float] = deque()  # answered, and gone for less than _LATE

    @property
    def calls(self) -> int:
        return self.in_flight + len(self.ends)

    @property
    def answered(self) -> int:
        """Calls answered within the minute."""
        return len(self.ends) - len(self.vain)

    @property
    def answered_at_most(self) -> int:
        """The same, should the call that ended last have been counted when it and those in flight began."""
        crowd = self.in_flight + 1
        begun = self.begins[-crowd] if crowd <= len(self.begins) else -math.inf
        return self.answered + sum(end + _WINDOW > begun for end in self._left)

    @property
    def surely_answered(self) -> int:
        """Calls begun and answered within the minute, so that all reached the API within less than it."""
        return len(self.begins) - self.in_flight - len(self.vain)

    def begin(self, now: float) -> None:
        self.in_flight += 1
        self.begins.append(now)

    def end(self, now: float, *, answered: bool) -> None:
        self.move(now)
        self.in_flight -= 1
        self.ends.append(now)
        if not answered:
            self.vain.append(now)

    def move(self, now: float) -> None:
        while self.begins and self.begins[0] + _WINDOW <= now:
            self.begins.popleft()
        while self.ends and self.ends[0] + _WINDOW <= now:
            end = self.ends.popleft()
            if self.vain and self.vain[0] == end:
                self.vain.popleft()
            else:
                self._left.append(end)
        while self._left and self._left[0] + _WINDOW + _LATE <= now:
            self._left.popleft()

    def room_at(self, allowance: int) -> float:
        """When fewer than `allowance` calls are within the minute; inf if only the end of a call helps."""
        surplus = self.calls - allowance
        if surplus < 0:
            return -math.inf
        return self.ends[surplus] + _WINDOW if surplus < len(self.ends) else math.inf


class Limiter:
    """Stands before all calls of a sync. `now` is monotonic seconds and never decreases.

    Every `reserve` that returns 0.0 is followed by one of `succeeded`, `refused`, `failed`.
    """

    def __init__(self, per_minute: int | None, *, at_once: int) -> None:
        """`per_minute` None: the allowance is learned. `at_once` is the most calls ever in flight."""
        self._per_minute = per_minute
        self._at_once = at_once
        self._ramp = at_once if per_minute is not None else min(_AT_ONCE, at_once)
        self._minute = _Minute()
        self._most = 0  # calls surely answered in any one minute
        self._belief = _Belief()
        self._before: _Belief | None = None  # what a storm brings back
        self._since = 0.0  # the allowance is being proved since then,
        self._used = 0  # by so many answers
        self._lesson: tuple[int, int] | None = None  # answered and at most, while the calls in flight end
        self._refusals = 0  # lessons in a row without a success
        self._suspect = False  # the last 429 may be an accident
        self._ordered = False  # by Retry-After, in this lesson
        self._silence = 0.0
        self._resumes = -math.inf  # end of the silence

    @property
    def allowance(self) -> int | None:
        """Calls a minute, set or learned; None if none is known."""
        return self._belief.allowance if self._per_minute is None else self._per_minute

    @property
    def in_flight(self) -> int:
        return self._minute.in_flight

    def reserve(self, now: float) -> float:
        """Begin a call (0.0), or return the seconds to wait before asking again; then nothing is taken.

        math.inf: only the end of another call can help. Asked again after exactly the wait, it begins,
        unless something else happened.
        """
        self._minute.move(now)
        if self._lesson is not None or self.in_flight >= self._ramp:
            return math.inf
        at = max(self._allowed_at(), self._timid_at(), self._spread_at())
        if at <= now:
            self._minute.begin(now)
            return 0.0
        wait = at - now
        while now + wait < at:
            wait = math.nextafter(wait, math.inf)
        return wait

    def succeeded(self, now: float) -> None:
        """The API answered, with anything but a 429."""
        minute = self._minute
        minute.end(now, answered=True)
        self._most = max(self._most, minute.surely_answered)
        if self._lesson is not None:
            answered, at_most = self._lesson
            self._lesson = (answered + 1, at_most + 1)
            self._conclude(now)
            return
        self._ramp = min(self._ramp + 1, self._at_once)
        self._refusals = 0
        self._before = None
        if self._suspect:
            self._suspect = False
            self._belief = self._belief.stumbled()
        self._prove(now)

    def refused(self, now: float, retry_after: float | None) -> None:
        """The API answered 429, perhaps with a Retry-After of so many seconds from now."""
        minute = self._minute
        minute.end(now, answered=False)
        if self._lesson is None:
            self._lesson = (minute.answered, minute.answered_at_most)
            self._ordered = False
        if retry_after is not None:
            order = min(max(_BRIEF, retry_after), _RETRY_AFTER)
            self._ordered = True
            self._resumes = max(self._resumes, now + order)
        self._conclude(now)

    def failed(self, now: float) -> None:
        """No answer. The call counts all the same: nobody knows whether it reached the API."""
        self._minute.end(now, answered=False)
        self._conclude(now)

    def resumes_at(self, now: float) -> float | None:
        """When the allowance lets the next call begin; None if it does now, or if that is not known yet."""
        self._minute.move(now)
        at = self._allowed_at()
        return at if now < at < math.inf else None

    def _allowed_at(self) -> float:
        room = -math.inf if self.allowance is None else self._minute.room_at(self.allowance)
        return max(self._resumes, room)

    def _spread_at(self) -> float:
        begins = self._minute.begins
        if self._per_minute is not None or len(begins) < _SECOND:
            return -math.inf
        return begins[-_SECOND] + 1.0

    def _timid_at(self) -> float:
        """Where the next call may be refused, few are in flight: one at first, more as they are answered."""
        good = self._belief.good
        excess = self._minute.calls - good
        if self._belief.allowance is None or excess < 0 or self.in_flight <= excess // _TIMID:
            return -math.inf
        return self._minute.room_at(good)

    def _conclude(self, now: float) -> None:
        """Learn from the lesson, if there is one and all its calls have ended, and fall silent."""
        if self._lesson is None or self.in_flight:
            return
        self._judge(now, *self._lesson)
        self._lesson = None
        if self._suspect or (self._ordered and not self._refusals):
            silence = _BRIEF
        else:
            silence = _WINDOW * 2 ** min(self._refusals, _DOUBLINGS)
        self._resumes = max(self._resumes, now + silence)
        self._silence = self._resumes - now
        self._refusals += 1
        self._ramp = 1
        self._since, self._used = self._resumes, 0

    def _judge(self, now: float, answered: int, at_most: int) -> None:
        again = self._refusals > 0
        if again and self._silence >= _WINDOW:
            if self._before is not None:
                self._belief, self._before = self._before, None
            return
        self._suspect = not again and self._unexplained(at_most)
        if self._suspect or not answered or self._before is not None:
            return
        if self._per_minute is not None:
            self._belief = _Belief()
            return
        self._before = self._belief
        self._most = min(self._most, 2 * answered)
        self._belief = self._belief.taught(now, answered, self._half())

    def _unexplained(self, answered: int) -> bool:
        """Whether no constant allowance explains a 429 after so many answers within a minute."""
        belief = self._belief
        if 2 * answered < self._most or belief.accidents >= _ACCIDENTS:
            return True
        if belief.allowance is None:
            return False
        steady = belief.steady >= _STEADY and 10 * (answered + 1) < 9 * belief.good
        return steady or belief.allowance <= self._half()

    def _half(self) -> int:
        """An allowance that is allowed for sure."""
        return max(1, (self._most + 1) // 2)

    def _prove(self, now: float) -> None:
        allowance = self._belief.allowance
        if allowance is None:
            return
        self._used += 1
        if now - self._since < _PROOF:
            return
        # Twice the allowance, less what latencies of some seconds and the ends of the two minutes take.
        if self._used >= 1.7 * allowance - 1:
            self._belief = self._belief.risen(now)
        self._since, self._used = now, 0
