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

**The lesson.** An allowance N refuses only when N calls were answered within the minute (rolling), or
between N and 2N (fixed: the minute lies across two windows). Hence N is between half of the most calls
ever answered in a minute and the number answered in the minute before a 429. The first lesson believes
that number. If it proves too high we go down to what is surely good, and rise from there.

**Rising.** An allowance used up for two minutes without a 429 is good: one whole fixed window lay within.
Then more is tried: double while nothing was refused, later a quarter of the way to what was. A wrong try
costs a 429, and there are three tries, for ever. So a number learned too low (another process used the
key, a short storm) does not stay, and a constant allowance costs at most three 429s after the first.
What was refused is tried again after half an hour while two tries are left.

**Accidents.** A 429 that no constant allowance explains (fewer answered than half of the most, or clearly
fewer than was good) is followed by one call a second later. Accepted: an accident, nothing is learned.
After three of them the API refuses at random: the allowance is forgotten, and later 429s are presumed
accidents. Refused: it was no accident, and teaches like any other.

With `per_minute` set nothing is learned; the waits are the same.
"""

import math
from collections import deque
from dataclasses import dataclass, replace

_WINDOW = 60.0  # plans tell the allowance a minute
_LATE = 10.0  # a 429 may be this old when it arrives: calls it counted may just have left our window
_PROOF = 2 * _WINDOW  # any two minutes hold a whole fixed window, whatever its phase
_RETEST = 1800.0  # what another user of the key may cost us, against one 429
_TRIES = 3  # 429s that learning may cost after the first
_ACCIDENTS = 3  # one or two may be another user of the key
_BRIEF = 1.0  # the shortest silence, also when Retry-After is 0
_DOUBLINGS = 3  # 60 + 120 + 240 + 480 s outlast a storm of ten minutes with three calls
_RETRY_AFTER = 3600.0  # longer is not believed: the API is asked again
_AT_ONCE = 4  # to begin with, allowance unknown: the free plan has five calls a minute
_BOLD = 8
_SECOND = 80  # "unlimited" plans are asked to stay under about 100 calls a second


@dataclass(frozen=True, slots=True)
class _Belief:
    """What is held to be true of the API's allowance."""

    allowance: int | None = None
    good: int = 0  # used up for two minutes without a 429, or half of the most answered in one
    bad: int | None = None  # the least that was refused
    bad_since: float = 0.0
    tries: int = _TRIES
    accidents: int = 0

    def taught(self, now: float, answered: int, at_most: int, half: int) -> "_Belief":
        """After a 429 that followed `answered` calls within a minute, or `at_most` if it came late."""
        if self.allowance is None:
            return _Belief(answered, good=half)
        good = self.good
        if good == self.allowance or good > at_most:  # it was no try that failed: not good after all
            good = max(half, min(good, at_most) * 9 // 10)
        bad = max(answered, good) + 1
        return replace(self, allowance=good, good=good, bad=bad, bad_since=now, tries=max(self.tries - 1, 0))

    def risen(self, now: float) -> "_Belief":
        """After two minutes in which the allowance was used up."""
        good = self.allowance or 0
        bad = None if self.tries > 1 and now >= self.bad_since + _RETEST else self.bad
        gap = good + 1 if bad is None else bad - good
        # A gap of three in a hundred is not worth a 429.
        if not self.tries or gap == 1 or gap * 32 < good:
            return replace(self, good=good, bad=bad)
        step = good if bad is None else -(-gap // 4)
        return replace(self, allowance=good + step, good=good, bad=bad)

    def stumbled(self) -> "_Belief":
        """After an accident."""
        accidents = self.accidents + 1
        return replace(self, accidents=accidents) if accidents < _ACCIDENTS else _Belief(accidents=accidents)


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
        """Calls answered within the minute: at least those the API may count at an answer of now."""
        return len(self.ends) - len(self.vain)

    @property
    def answered_at_most(self) -> int:
        """The same, if the answer of now is an old one."""
        return self.answered + len(self._left)

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
        if self._lesson is not None or self.in_flight >= min(self._ramp, self._crowd()):
            return math.inf
        at = max(self._allowed_at(), self._spread_at())
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
        self._minute.end(now, answered=False)
        if self._lesson is None:
            self._lesson = (self._minute.answered, self._minute.answered_at_most)
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

    def _crowd(self) -> int:
        """How many calls may be in flight: one where it may be refused, more as it is not."""
        excess = self._minute.calls - self._belief.good
        if self._belief.allowance is None or excess < 0:
            return self._at_once
        return 1 + excess // _BOLD

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
        self._suspect = not again and self._odd(at_most)
        if self._suspect or not answered or self._before is not None:
            return
        if self._per_minute is not None:
            self._belief = _Belief()
            return
        self._before = self._belief
        self._most = min(self._most, 2 * answered)
        self._belief = self._belief.taught(now, answered, at_most, max(1, (self._most + 1) // 2))

    def _odd(self, answered: int) -> bool:
        """Whether no constant allowance explains a 429 after so many answers within a minute."""
        belief = self._belief
        few = 2 * answered < self._most or 10 * answered < 9 * belief.good
        return few or belief.accidents >= _ACCIDENTS

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
