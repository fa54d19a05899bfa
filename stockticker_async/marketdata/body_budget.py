"""Bounds the bytes of the bodies that are under way, for all calls together, and decodes one at a time.

Theory of operation
-------------------
What a body takes nobody knows before it was read: each call has a `Share`, which grows with every piece
that is read, and a call whose share may not grow reads no further, so that its socket fills and the
server waits. The bound is never passed by what is held here, whatever is sent:

- Shares grow as long as all of them together stay within ``pool_bytes``.
- Beyond, one of them at a time goes on, up to ``small_bytes``: the one that has waited longest.
- What is larger than that goes on only in its *turn*, and then without asking; how far, is for the limit
  of a body. Nobody knows of a real answer of that size.
- A body is decoded in its turn, and gives turn and share back when what was made of it is used.

So at most ``pool_bytes + small_bytes`` are read or wait, and at most one body, of whatever size, is decoded.
A call that begins says what it expects and waits until the pool has that much, or is empty: a guess that
bounds no memory, but lets no server wait in the middle of an answer for a reader that is slow.

Why nobody waits for ever. Who has the turn waits for no room and for no other turn. Who goes on beyond the
pool waits for nothing but the turn, which comes. So one of those who hold something can always go on, and
ends: it is used, or the call fails, is cancelled, or comes to the end of its time, and all of these give
back. When somebody gives back, the one that has waited longest is looked at first. Calls that
only begin hold nothing, so nobody waits for them; they go behind those that hold something, who are few
and end. What uses a decoded body must ask for nothing meanwhile, which would wait for its own turn.
"""

from collections import deque

import anyio

from stockticker_async.marketdata.call_limits import MIB

POOL_BYTES = 16 * MIB
"""Two full pages of bars; with the one that goes on beyond, the next three are there when one is decoded."""
SMALL_BYTES = 8 * MIB
"""A full page of 50,000 bars, which has 7 MB."""


class Room:
    """What all calls of a client share."""

    def __init__(self, pool_bytes: int = POOL_BYTES, small_bytes: int = SMALL_BYTES) -> None:
        self.small_bytes = small_bytes
        self.used_bytes = 0
        """Expected or held by all shares but the one that has outgrown the pool."""
        self._pool_bytes = pool_bytes
        self.turn = anyio.Lock()
        self.beyond: Share | None = None
        """The one that may grow though the pool is full."""
        self._growing: deque[_Waiting] = deque()
        self._beginning: deque[_Waiting] = deque()

    async def begin(self, expected_bytes: int) -> "Share":
        """A share for one call, which must be given back, whatever happens."""
        share = Share(self)
        await self._wait(self._beginning, share, min(expected_bytes, self.small_bytes))
        return share

    async def grow(self, share: "Share", size_bytes: int) -> None:
        """Grant so much more, of the pool or beyond it, when there is room."""
        if self.beyond is share:
            self._grant(share, size_bytes)
        else:
            await self._wait(self._growing, share, size_bytes)

    async def _wait(self, queue: "deque[_Waiting]", share: "Share", size_bytes: int) -> None:
        if not self._growing and not self._beginning and self.used_bytes + size_bytes <= self._pool_bytes:
            self._grant(share, size_bytes)
            return
        waiting = _Waiting(share, size_bytes)
        queue.append(waiting)
        self.admit()
        if waiting in queue:
            try:
                await waiting.granted.wait()
            except BaseException:
                if waiting in queue:
                    queue.remove(waiting)
                share.give_back()
                raise

    def admit(self) -> None:
        """Let those go on for whom there is room."""
        while self._growing:
            head = self._growing[0]
            if self.used_bytes + head.size_bytes > self._pool_bytes:
                if self.beyond is not None:
                    return
                self.beyond = head.share
            self._let(self._growing)
        while self._beginning:
            if self.used_bytes and self.used_bytes + self._beginning[0].size_bytes > self._pool_bytes:
                return
            self._let(self._beginning)

    def _let(self, queue: "deque[_Waiting]") -> None:
        waiting = queue.popleft()
        self._grant(waiting.share, waiting.size_bytes)
        waiting.granted.set()

    def _grant(self, share: "Share", size_bytes: int) -> None:
        share.granted_bytes += size_bytes
        self.used_bytes += size_bytes


class Share:
    """What one call holds of a `Room`. One task uses it."""

    def __init__(self, room: Room) -> None:
        self.granted_bytes = 0
        self._room = room
        self._held_bytes = 0
        self._has_turn = False

    def fits(self, size_bytes: int) -> bool:
        """Hold so many bytes more if nobody has to be asked; where this is False, `grow` asks."""
        if not self._has_turn and self._held_bytes + size_bytes > self.granted_bytes:
            return False
        self._held_bytes += size_bytes
        return True

    async def grow(self, size_bytes: int) -> None:
        """Return when so many bytes more may be held."""
        if self._held_bytes + size_bytes > self._room.small_bytes:
            await self.turn()
            self._leave_pool()
        elif not self._has_turn:
            wanted = self._held_bytes + size_bytes - self.granted_bytes
            if wanted > 0:
                await self._room.grow(self, wanted)
        self._held_bytes += size_bytes

    async def turn(self) -> None:
        """Return when this is the one that may decode; it stays so until it gives back."""
        if not self._has_turn:
            await self._room.turn.acquire()
            self._has_turn = True

    def give_back(self) -> None:
        """Hold nothing any more, and have no turn."""
        self._held_bytes = 0
        if self._has_turn:
            self._has_turn = False
            self._room.turn.release()
        self._leave_pool()

    def _leave_pool(self) -> None:
        room = self._room
        room.used_bytes -= self.granted_bytes
        self.granted_bytes = 0
        if room.beyond is self:
            room.beyond = None
        room.admit()


class _Waiting:
    def __init__(self, share: Share, size_bytes: int) -> None:
        self.share = share
        self.size_bytes = size_bytes
        self.granted = anyio.Event()


class Held:
    """A body, which counts until it was used: ``async with held as body``."""

    def __init__(self, body: bytes, share: Share) -> None:
        self._body = body
        self._share = share

    async def __aenter__(self) -> bytes:
        """The body, in its turn. Whoever keeps no reference to it lets its memory go."""
        try:
            await self._share.turn()
        except BaseException:
            self._share.give_back()
            raise
        body, self._body = self._body, b""
        return body

    async def __aexit__(self, *_: object) -> None:
        self._share.give_back()
