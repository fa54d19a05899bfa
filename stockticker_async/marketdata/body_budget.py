"""Bounds the bytes of the response bodies that are under way, for all calls together.

Theory of operation
-------------------
Nobody knows the size of a body before the body was read. So each call has a `Reservation`, which grows with
every piece of its body. A call whose reservation may not grow stops reading: its socket fills, and the
server waits. Whatever the servers send, the bodies never take more than this budget:

- Reservations grow as long as all of them together stay within ``pool_bytes``.
- Beyond the pool, one reservation at a time goes on, up to ``small_bytes``: the one that has waited longest.
- A body larger than ``small_bytes`` goes on only in its *turn*, and then without asking; the limit of a
  single body bounds it. Nobody knows of a real answer of that size.
- A body is decoded in its turn; turn and reservation end when the result of the decoding was used.

So at most ``pool_bytes + small_bytes`` are read or wait, and at most one body, of whatever size, is decoded.
A call that begins names the size that it expects, and waits until the pool has as much, or is empty. This
guess bounds no memory, but keeps servers from waiting for a slow reader in the middle of an answer.

Why nobody waits for ever: the holder of the turn waits for no room and for no other turn. The reservation
beyond the pool waits for nothing but the turn, which comes. So one of the holders can always go on, and
ends: its body is used, or the call fails, is cancelled, or comes to the end of its time, and each of these
releases the reservation. At a release, the call that has waited longest is looked at first. Calls that only
begin hold nothing, so nobody waits for them; they stand behind the holders, who are few and end. The code
that uses a decoded body must not ask for another one meanwhile: it would wait for its own turn.
"""

from collections import deque

import anyio

from stockticker_async.marketdata.call_limits import MIB

POOL_BYTES = 16 * MIB
"""Two full pages of bars; with the one beyond the pool, the next three are there when one is decoded."""
SMALL_BYTES = 8 * MIB
"""A full page of 50,000 bars, which has 7 MB."""


class BodyBudget:
    """The budget of bytes that all calls of a client share."""

    def __init__(self, pool_bytes: int = POOL_BYTES, small_bytes: int = SMALL_BYTES) -> None:
        self.small_bytes = small_bytes
        self.used_bytes = 0
        """Bytes expected or held by all reservations, except the reservation beyond the pool."""
        self._pool_bytes = pool_bytes
        self.turn = anyio.Lock()
        self.beyond_pool: Reservation | None = None
        """The reservation that may grow although the pool is full."""
        self._growing: deque[_Waiting] = deque()
        self._beginning: deque[_Waiting] = deque()

    async def reserve(self, expected_bytes: int) -> "Reservation":
        """Return a reservation for one call. The caller must release it."""
        reservation = Reservation(self)
        await self._wait(self._beginning, reservation, min(expected_bytes, self.small_bytes))
        return reservation

    async def grow(self, reservation: "Reservation", size_bytes: int) -> None:
        """Grant ``size_bytes`` more, from the pool or beyond it. Returns when there is room."""
        if self.beyond_pool is reservation:
            self._grant(reservation, size_bytes)
        else:
            await self._wait(self._growing, reservation, size_bytes)

    async def _wait(self, queue: "deque[_Waiting]", reservation: "Reservation", size_bytes: int) -> None:
        if not self._growing and not self._beginning and self.used_bytes + size_bytes <= self._pool_bytes:
            self._grant(reservation, size_bytes)
            return
        waiting = _Waiting(reservation, size_bytes)
        queue.append(waiting)
        self.admit()
        if waiting in queue:
            try:
                await waiting.granted.wait()
            except BaseException:
                if waiting in queue:
                    queue.remove(waiting)
                reservation.release()
                raise

    def admit(self) -> None:
        """Let the waiting calls continue for which there is room."""
        while self._growing:
            head = self._growing[0]
            if self.used_bytes + head.size_bytes > self._pool_bytes:
                if self.beyond_pool is not None:
                    return
                self.beyond_pool = head.reservation
            self._admit_first(self._growing)
        while self._beginning:
            if self.used_bytes and self.used_bytes + self._beginning[0].size_bytes > self._pool_bytes:
                return
            self._admit_first(self._beginning)

    def _admit_first(self, queue: "deque[_Waiting]") -> None:
        waiting = queue.popleft()
        self._grant(waiting.reservation, waiting.size_bytes)
        waiting.granted.set()

    def _grant(self, reservation: "Reservation", size_bytes: int) -> None:
        reservation.granted_bytes += size_bytes
        self.used_bytes += size_bytes


class Reservation:
    """The part of a `BodyBudget` that one call holds. Used by one task."""

    def __init__(self, budget: BodyBudget) -> None:
        self.granted_bytes = 0
        self._budget = budget
        self._held_bytes = 0
        self._has_turn = False

    def try_hold(self, size_bytes: int) -> bool:
        """Hold ``size_bytes`` more if they are granted already; if not, return False."""
        if not self._has_turn and self._held_bytes + size_bytes > self.granted_bytes:
            return False
        self._held_bytes += size_bytes
        return True

    async def hold(self, size_bytes: int) -> None:
        """Hold ``size_bytes`` more. Returns when they are granted."""
        if self._held_bytes + size_bytes > self._budget.small_bytes:
            await self.take_turn()
            self._leave_pool()
        elif not self._has_turn:
            wanted = self._held_bytes + size_bytes - self.granted_bytes
            if wanted > 0:
                await self._budget.grow(self, wanted)
        self._held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Hold ``size_bytes`` less. They stay granted to this call."""
        self._held_bytes -= size_bytes

    async def take_turn(self) -> None:
        """Wait for the turn to decode, which this call keeps until `release`."""
        if not self._has_turn:
            await self._budget.turn.acquire()
            self._has_turn = True

    def release(self) -> None:
        """Give back all bytes and the turn."""
        self._held_bytes = 0
        if self._has_turn:
            self._has_turn = False
            self._budget.turn.release()
        self._leave_pool()

    def _leave_pool(self) -> None:
        budget = self._budget
        budget.used_bytes -= self.granted_bytes
        self.granted_bytes = 0
        if budget.beyond_pool is self:
            budget.beyond_pool = None
        budget.admit()


class _Waiting:
    def __init__(self, reservation: Reservation, size_bytes: int) -> None:
        self.reservation = reservation
        self.size_bytes = size_bytes
        self.granted = anyio.Event()


class PendingBody:
    """A body that counts in the budget until the end of ``async with pending as body``."""

    def __init__(self, body: bytes, reservation: Reservation) -> None:
        self._body = body
        self._reservation = reservation

    async def __aenter__(self) -> bytes:
        """Return the body, in its turn. It is freed when the caller drops its reference."""
        try:
            await self._reservation.take_turn()
        except BaseException:
            self._reservation.release()
            raise
        body, self._body = self._body, b""
        return body

    async def __aexit__(self, *_: object) -> None:
        self._reservation.release()
