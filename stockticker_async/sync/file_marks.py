"""What a stream's state remembers of flat files: versions of the last sessions, sessions without a file.

A file can be replaced after it was published: the sessions that a sync looks back at are read again only if
the ETag of their file changed. And a file can be missing although later ones are there: the cursor passes its
session, so that later data are not held, and the session is remembered and asked again in each sync, until it
is published or `MISSED_FOR` is over.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import msgspec

MISSED_FOR = timedelta(days=30)
"""A file that is later than this is not coming: some days are missing for good."""


class FileMarks(msgspec.Struct, frozen=True):
    """The part of a state that is about flat files."""

    etags: Mapping[date, str] = msgspec.field(default_factory=dict)
    """The version of the file that was read, of the last sessions."""
    missing: tuple[date, ...] = ()
    """Sessions that the cursor passed without a file, ascending."""

    def __bool__(self) -> bool:
        return bool(self.etags or self.missing)


class FileLedger:
    """The marks of one stream in this sync."""

    def __init__(self, marks: FileMarks, *, kept: int) -> None:
        """``kept`` is the number of sessions whose ETags are worth keeping."""
        self._etags = dict(marks.etags)
        self._missing = set(marks.missing)
        self._kept = kept

    @property
    def missing(self) -> frozenset[date]:
        return frozenset(self._missing)

    def is_unchanged(self, session: date, etag: str) -> bool:
        """Whether this version of the session's file was read."""
        return bool(etag) and self._etags.get(session) == etag

    def read(self, session: date, etag: str) -> None:
        """Note that the rows of this version of the file are put."""
        self._etags[session] = etag
        self._missing.discard(session)

    def lack(self, sessions: Iterable[date]) -> None:
        """Note sessions without a file although later ones have one."""
        self._missing.update(sessions)

    def give_up(self, sessions: Iterable[date]) -> None:
        """Ask for these sessions no more."""
        self._missing.difference_update(sessions)

    def marks(self) -> FileMarks:
        newest = sorted(self._etags)[-self._kept :] if self._kept else []
        return FileMarks({session: self._etags[session] for session in newest}, tuple(sorted(self._missing)))
