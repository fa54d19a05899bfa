"""Which sessions of a call plan have a flat file: one listing of the bucket, and what is told of it.

A day bar whose file is not published is asked by a grouped call. Minutes of the whole market have no other
source: a session without a file is *not published yet* if no later one has a file, and holds the cursor; if a
later one has, the file is *missing*, the cursor passes, and the session is remembered (see `file_marks`).
A weekday without a session in the exchange's calendar has no file.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise

from stockticker_async.errors import TransientError
from stockticker_async.marketdata import calendar, session_files
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bucket import Bucket
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.file_marks import MISSED_FOR
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.slices import SessionCalls

_log = logging.getLogger(__name__)

_MOST_WAITING = 3
"""Finished sessions without a file that may be unpublished, where the bucket has no file at all."""


class FilesOfFamily:
    """The published files of a family's sessions."""

    def __init__(self, family: BarFamily, bucket: Bucket) -> None:
        self._family = family
        self._bucket = bucket

    async def calls(self, call_plan: CallPlan) -> SessionCalls:
        """Return how each session is read. Raises a `ConnectorError` if the bucket cannot be listed."""
        family = self._family
        planned = [call.session for call in call_plan.files if call.session >= session_files.FIRST_DAY]
        missed = {session for stream in family.streams for session in stream.cursors.files.missing}
        wanted = [*planned, *missed]
        first, last = min(wanted, default=family.days.last), max(wanted, default=family.days.settled)
        listed = await self._bucket.files(family.bar, first, min(last, family.days.settled))
        files = {file.session: file for file in listed}
        late = tuple(files[session] for session in sorted(missed) if session in files)
        self._give_up(sorted(missed - files.keys()))
        grouped = [call.session for call in call_plan.grouped]
        if family.bar == ONE_DAY:
            # before files began, and where one is missing, the API answers
            sessions = sorted([*grouped, *(call.session for call in call_plan.files)])
            chosen = set(planned)
            return SessionCalls(
                tuple((session, files.get(session) if session in chosen else None) for session in sessions),
                family.days.last,
                late,
            )
        published = [session for session in planned if session in files]
        self._tell(planned, published)
        read = set(published)
        return SessionCalls(
            tuple((session, files[session]) for session in published),
            covers_up_to(published, family.days.last),
            tuple(file for file in late if file.session not in read),
        )

    def _tell(self, planned: Sequence[date], published: Sequence[date]) -> None:
        """Note and tell the sessions without a file."""
        last = published[-1] if published else date.min
        lacking = [day for day in planned if calendar.is_session(day) and day not in set(published)]
        missing = [day for day in lacking if day < last]
        waiting = [day for day in lacking if last < day <= self._family.days.settled]
        was_read = {day for stream in self._family.streams for day in stream.cursors.start.files.etags}
        if not published and (len(waiting) > _MOST_WAITING or not was_read.isdisjoint(waiting)):
            raise TransientError(
                f"the bucket has no flat file of {day_list(waiting)}. If files of these days are published, "
                "check flat_files.endpoint and flat_files.bucket."
            )
        if waiting:
            level = logging.INFO if len(waiting) == 1 else logging.WARNING
            _log.log(
                level, "The flat file of %s is not published yet: the next sync reads it.", day_list(waiting)
            )
        oldest = self._family.days.today - MISSED_FOR
        known = {day for stream in self._family.streams for day in stream.cursors.files.missing}
        for stream in self._family.streams:
            stream.cursors.files.lack(day for day in missing if day >= oldest)
        if recent := [day for day in missing if day >= oldest and day not in known]:
            _log.warning(
                "%s: no flat file of %s is published, although later ones are. The session is asked again in "
                "each sync, for %d days.",
                self._names,
                day_list(recent),
                MISSED_FOR.days,
            )
        if old := [day for day in missing if day < oldest]:
            _log.warning(
                "%s: no flat file of %s exists: its bars cannot be read.", self._names, day_list(old)
            )

    def _give_up(self, still_missing: Sequence[date]) -> None:
        old = [day for day in still_missing if day < self._family.days.today - MISSED_FOR]
        for stream in self._family.streams:
            stream.cursors.files.give_up(old)
        if old:
            _log.warning(
                "%s: the flat file of %s is still missing after %d days, and is not asked again.",
                self._names,
                day_list(old),
                MISSED_FOR.days,
            )

    @property
    def _names(self) -> str:
        return ", ".join(stream.sink.name for stream in self._family.streams)


def covers_up_to(published: Sequence[date], last: date) -> date:
    """Return the last day that the last file covers: closed days follow it, or a session without a file."""
    if not published:
        return last
    return min(last, calendar.session_from(published[-1] + calendar.DAY) - calendar.DAY)


def halves(sizes: Mapping[date, int], earlier: int = 0) -> list[date]:
    """Return the sessions whose size is less than half of that of a session beside it, ascending.

    ``earlier`` is the size of the last session of an earlier sync, beside the first one; 0: there is none.
    """
    days = sorted(sizes)
    beside = {day: sizes[later] for day, later in pairwise(days)}
    beside |= {later: sizes[day] for day, later in pairwise(days)}
    if days:
        beside[days[0]] = max(beside.get(days[0], 0), earlier)
    return [day for day in days if 2 * sizes[day] < beside[day]]


def day_list(days: Sequence[date]) -> str:
    """Return ``2020-12-17, 2020-12-18, 2020-12-21 and 7 more``, with at most three days."""
    more = len(days) - 3
    listed = ", ".join(map(str, days[:3]))
    return f"{listed} and {more} more" if more > 0 else listed
