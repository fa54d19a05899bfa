"""The files of the bucket: which there are, what a listing tells of them, and their content.

A file is a pure function of (seed, universe, session). What is told of it (size, ETag, publication) is known
without its content, so that a listing of thousands makes none. Content is made on demand in a thread, once
for simultaneous requests, and kept up to a limit.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import md5

from stockticker_async.sandbox.bucket.file_changes import (
    Applied,
    Table,
    changed_bytes,
    changed_rows,
    changes_content,
)
from stockticker_async.sandbox.bucket.file_keys import FileKey, all_keys, parsed
from stockticker_async.sandbox.data.file_sizes import FileSizes
from stockticker_async.sandbox.data.flat_rows import HEADER, tables
from stockticker_async.sandbox.data.gzip_packing import packed
from stockticker_async.sandbox.data.publication import published
from stockticker_async.sandbox.data.sessions import session_before
from stockticker_async.sandbox.endpoints.context import Context

_TEN_DAYS = 10  # after which every file without a fault is published


@dataclass(frozen=True, slots=True)
class StoredFile:
    key: FileKey
    size: int
    etag: str
    """With its quotation marks."""
    modified: int
    """Epoch seconds."""


@dataclass(slots=True)
class FlatFiles:
    context: Context
    changes: Callable[[str], Sequence[Applied]]
    """The changes at work on the file of a key."""
    kept_bytes: int = 512 << 20
    """The most of content that is kept; the last content is kept whatever its size."""
    _sizes: FileSizes | None = None
    _kept: OrderedDict[tuple[str, int], bytes] = field(default_factory=OrderedDict)
    _making: dict[tuple[str, int], asyncio.Task[bytes]] = field(default_factory=dict)

    def published_keys(self, prefix: str) -> list[FileKey]:
        """The keys with a prefix of all files that are published now, in the order of listings."""
        today = self.context.today().toordinal()
        return [key for key in all_keys(today) if key.text.startswith(prefix) and self._published(key, today)]

    async def find(self, text: str) -> StoredFile | None:
        """The published file of a key."""
        key = parsed(text)
        if key is None or not self._published(key, self.context.today().toordinal()):
            return None
        return await self.stored(key)

    async def stored(self, key: FileKey) -> StoredFile:
        """What a listing tells of a published file."""
        changes = self.changes(key.text)
        etag = f'"{self._fingerprint(key, changes)}-1"'  # as of an upload in one part: no hash of the content
        if any(map(changes_content, changes)):
            size = len(await self._content(key, changes, etag))
        else:
            size = (await self._known_sizes()).size(key.kind, key.day)
        moments = [
            self._moment(key, changes),
            *(int(each.since) for each in changes if each.change != "late"),
        ]
        return StoredFile(key, size, etag, max(moments))

    async def content(self, stored: StoredFile) -> bytes:
        return await self._content(stored.key, self.changes(stored.key.text), stored.etag)

    async def close(self) -> None:
        """Wait for files in the making."""
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    def _published(self, key: FileKey, today: int) -> bool:
        changes = self.changes(key.text)
        held = self.context.unpublished
        if any(each.change == "missing" for each in changes):
            return False
        if held and key.day > session_before(today, held + 1):
            return False
        if not changes and key.day < today - _TEN_DAYS:
            return True
        return self._moment(key, changes) <= self.context.clock.epoch()

    def _moment(self, key: FileKey, changes: Sequence[Applied]) -> int:
        """When the file is published, epoch seconds."""
        late = sum(each.seconds for each in changes if each.change == "late")
        return published(self.context.options.seed, key.kind, key.day) + int(late)

    def _fingerprint(self, key: FileKey, changes: Sequence[Applied]) -> str:
        options = self.context.options
        parts = [options.seed, options.universe, *sorted(options.tickers), key.text]
        parts += [(each.change, each.since) for each in changes if each.change != "late"]
        return md5(repr(parts).encode(), usedforsecurity=False).hexdigest()

    async def _known_sizes(self) -> FileSizes:
        if self._sizes is None:
            self._sizes = await asyncio.to_thread(FileSizes, self.context.market)
        return self._sizes

    async def _content(self, key: FileKey, changes: Sequence[Applied], etag: str) -> bytes:
        at = etag, self.context.market.book.version
        if at in self._kept:
            self._kept.move_to_end(at)
            return self._kept[at]
        if at not in self._making:
            size = (await self._known_sizes()).size(key.kind, key.day)
            work = asyncio.to_thread(self._made, key, changes, size)
            task = self._making[at] = asyncio.create_task(work)
            task.add_done_callback(lambda _: self._making.pop(at))
        content = await asyncio.shield(self._making[at])
        self._keep(at, content)
        return content

    def _keep(self, at: tuple[str, int], content: bytes) -> None:
        self._kept[at] = content
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self.kept_bytes:
            self._kept.popitem(last=False)

    def _made(self, key: FileKey, changes: Sequence[Applied], size: int) -> bytes:
        """The content of a file: of `size` bytes unless changes say otherwise."""
        if not any(map(changes_content, changes)):
            return packed(self._texts(key), size)
        lines = "".join(self._texts(key)).splitlines()
        table = Table(list(HEADER), [line.split(",") for line in lines[1:]])
        for each in changes:
            changed_rows(table, each)
        content = packed(",".join(row) + "\n" for row in (table.header, *table.rows))
        for each in changes:
            content = changed_bytes(content, each)
        return content

    def _texts(self, key: FileKey) -> Iterator[str]:
        yield ",".join(HEADER) + "\n"
        yield from tables(self.context.market, key.kind, key.day)
