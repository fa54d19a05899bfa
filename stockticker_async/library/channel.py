"""From a sync to whoever takes its rows: in the order of the plan, and no more than a bound ahead.

Theory of operation
-------------------
The jobs of a sync are carried out together and answered in any order. Each has a slot here, in the order in
which the jobs began, which is that of the plan: a ticker's pieces ascend. What is put goes into the slot of
its job, and is ready to be taken once all slots before it have ended. So the batches come in the same order
in every run, and a ticker's batches ascend.

Nothing that is put waits: whoever puts has the turn of an answer, which the syncs of all questions share, and
a reader that waits for another question would wait for ever. It is the calls that wait, before they begin,
when they hold nothing. A call begins as long as what is ready, what is held back for order, and what the
calls under way expect stay below the bound. The oldest job is held up by what is ready only: what is held
back waits for that job alone. So the reader is the only one that is ever waited for.

A session of the market may be asked for once more when the next one shows that half of it is missing. So the
bars of a session are kept by ticker, a later answer over an earlier one, until the next session has ended.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

import anyio
import pyarrow as pa

from stockticker_async.marketdata.bars import GroupedBar
from stockticker_async.marketdata.call_limits import MIB

MOST_BYTES = 32 * MIB
"""Six pages of 50,000 bars in columns: more are seldom under way, since their bodies are bounded, too."""
_BATCH_ROWS = 65_536
"""Of a batch that is taken: a page's pieces in one."""
_SESSION_BAR_BYTES = 350
"""A struct of eleven fields and its numbers, and its place."""

Convert = Callable[[list[GroupedBar]], pa.RecordBatch]


@dataclass(slots=True)
class _Session:
    """The bars of a session, by ticker."""

    day: date
    convert: Convert
    bars: dict[str, GroupedBar] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return _SESSION_BAR_BYTES * len(self.bars)


@dataclass(slots=True)
class _Slot:
    """What one job has given, and nobody may take yet."""

    batches: deque[tuple[pa.RecordBatch, int]] = field(default_factory=deque)
    """With the bytes of each."""
    session: _Session | None = None
    ended: bool = False


_slot: ContextVar[_Slot | None] = ContextVar("_slot", default=None)
"""Of the job that the current task carries out."""


class Channel:
    """One question's. Implements `Pace`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._slots: deque[_Slot] = deque()
        """Those that are not over, in the order of their jobs."""
        self._sessions: dict[date, _Slot] = {}
        self._ready: deque[tuple[pa.RecordBatch | _Session, int]] = deque()
        self._ready_bytes = self._held_bytes = self._expected_bytes = 0
        self._closed = False
        self._fault: BaseException | None = None
        self._changed = anyio.Event()
        self.by_session = False
        """Whether bars of many tickers came, session by session."""

    def job(self) -> AbstractAsyncContextManager[None]:
        slot = _Slot()
        self._slots.append(slot)
        return self._job(slot)

    @asynccontextmanager
    async def _job(self, slot: _Slot) -> AsyncIterator[None]:
        before = _slot.set(slot)
        try:
            yield
        finally:
            _slot.reset(before)
            slot.ended = True
            self._release()

    @asynccontextmanager
    async def call(self, expected_bytes: int) -> AsyncIterator[None]:
        slot = _slot.get()
        while not self._may_begin(slot):
            await self._changed.wait()
        self._expected_bytes += expected_bytes
        try:
            yield
        finally:
            self._expected_bytes -= expected_bytes
            self._wake()

    def _may_begin(self, slot: _Slot | None) -> bool:
        if slot is None or slot is next((one for one in self._slots if not one.ended), None):
            return self._ready_bytes < self._most_bytes
        return self._ready_bytes + self._held_bytes + self._expected_bytes < self._most_bytes

    async def room(self) -> None:
        """Return once the current job may put more. Only for jobs that hold nothing that others wait for."""
        slot = _slot.get()
        while not (self._may_begin(slot) or self._closed):
            await self._changed.wait()

    def put(self, batch: pa.RecordBatch) -> None:
        """Of the current job; without one it is ready at once."""
        slot, size_bytes = _slot.get(), batch.nbytes
        if slot is None:
            self._make_ready(batch, size_bytes)
            self._wake()
            return
        slot.batches.append((batch, size_bytes))
        self._held_bytes += size_bytes
        self._release()

    def put_session(self, session: date, bars: Iterable[GroupedBar], convert: Convert) -> None:
        """Of the session's job, whoever carries it out just now."""
        slot = self._sessions.get(session) or _slot.get()
        if slot is None:
            self.put(convert(list(bars)))
            return
        self._sessions[session] = slot
        if slot.session is None:
            slot.session = _Session(session, convert)
        self._held_bytes -= slot.session.size_bytes
        slot.session.bars.update((bar.T, bar) for bar in bars)
        self._held_bytes += slot.session.size_bytes

    def close(self, fault: BaseException | None = None) -> None:
        """Nothing more is put. ``fault`` is raised to whoever takes, after all that is there."""
        if not self._closed:
            self._closed, self._fault = True, fault
            self._release()

    async def closed(self) -> None:
        """Return once nothing more is put."""
        while not self._closed:
            await self._changed.wait()

    def _release(self) -> None:
        """Make ready what comes next in order."""
        while self._slots:
            slot = self._slots[0]
            while slot.batches:
                batch, size_bytes = slot.batches.popleft()
                self._held_bytes -= size_bytes
                self._make_ready(batch, size_bytes)
            if not (slot.ended or self._closed):
                break
            if slot.session is not None:
                if not (self._closed or self._next_session_ended()):
                    break
                del self._sessions[slot.session.day]
                self._held_bytes -= slot.session.size_bytes
                self._make_ready(slot.session, slot.session.size_bytes)
            self._slots.popleft()
        self._wake()

    def _next_session_ended(self) -> bool:
        """Whether the session after the first slot's has ended, and all between."""
        for slot in islice(self._slots, 1, None):
            if not slot.ended:
                return False
            if slot.session is not None:
                return True
        return False

    def _make_ready(self, item: pa.RecordBatch | _Session, size_bytes: int) -> None:
        self._ready.append((item, size_bytes))
        self._ready_bytes += size_bytes

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def take(self) -> pa.RecordBatch | None:
        """The next batch; None at the end. For one reader at a time."""
        while not self._ready:
            if self._closed:
                if self._fault is not None:
                    raise self._fault
                return None
            await self._changed.wait()
        batch = self._next()
        self._wake()
        return batch

    def _next(self) -> pa.RecordBatch:
        """The next batch, or several pieces in one."""
        pieces, rows = list[pa.RecordBatch](), 0
        while self._ready:
            item, size_bytes = self._ready[0]
            if isinstance(item, _Session):
                if pieces:
                    break
                self._drop(size_bytes)
                self.by_session = True
                return item.convert(list(item.bars.values()))
            if pieces and rows + item.num_rows > _BATCH_ROWS:
                break
            self._drop(size_bytes)
            pieces.append(item)
            rows += item.num_rows
        return pieces[0] if len(pieces) == 1 else pa.concat_batches(pieces)

    def _drop(self, size_bytes: int) -> None:
        self._ready.popleft()
        self._ready_bytes -= size_bytes
