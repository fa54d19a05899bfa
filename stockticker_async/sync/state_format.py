"""The JSON form of cursors: the state of a stream.

The form is compact, because states are written often. Tickers with the same ``since`` and cursor share one
object with their names joined by commas; a fingerprint follows a name after ``=``. The earliest cursor is at
the top under the name of the stream's cursor field, for people, acceptance tests and older connectors.
``"*"`` is the whole market as one ticker; the fingerprints of its tickers are in a string of their own.
``market_rows`` is the number of bars in the last session of the whole market, or of rows in its flat file;
the next sync compares it.
``files`` has the marks of flat files (`file_marks`), where some were read.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from stockticker_async.errors import ConfigError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.calendar import midnight_ms, new_york_date, utc_text
from stockticker_async.streams.table import Listed, Stream
from stockticker_async.sync.file_marks import FileMarks

VERSION = 1
_EPOCH = date(1970, 1, 1)
"""No bar is older, because timestamps are epoch milliseconds; earlier days are read as this one."""
REMEDY = (
    "Reset the stream (or leave --state out) to read everything again, or give the state of an earlier sync."
)


class Basis(msgspec.Struct, frozen=True):
    """The settings on which row values depend: on another basis the same keys have other values."""

    adjusted: bool | None = None
    bar: str | None = None
    """Both None: the rows do not depend on the kind of bars."""
    otc: bool = False
    """For the whole market only: whether over-the-counter stocks are included."""


class Entry(msgspec.Struct, frozen=True):
    """One ticker's place in a stream."""

    since: date
    cursor: date | None = None
    splits: str | None = None

    @property
    def first_uncovered(self) -> date:
        """The first day that is not covered. Raises OverflowError if the cursor is `date.max`."""
        return self.since if self.cursor is None else max(self.since, self.cursor + timedelta(days=1))


class NoState(msgspec.Struct, frozen=True):
    """No state: every ticker begins at its start date."""


class BareDateState(msgspec.Struct, frozen=True):
    """A bare date, as in the state of the tutorial's connector: all tickers are covered up to it."""

    through: date


class SavedState(msgspec.Struct, frozen=True):
    """A state that this connector has written."""

    basis: Basis
    entries: Mapping[str, Entry]
    market_splits: Mapping[str, str] = msgspec.field(default_factory=dict)
    files: FileMarks = msgspec.field(default_factory=FileMarks)
    market_rows: int | None = None


EarlierState = NoState | BareDateState | SavedState


def write(
    stream: Stream,
    basis: Basis,
    entries: Mapping[str, Entry],
    market_splits: Mapping[str, str],
    files: FileMarks | None = None,
    *,
    market_rows: int | None = None,
) -> JsonObject:
    """Return the stream_state of a STATE message, which `read` parses."""
    groups: dict[tuple[date, date], list[str]] = {}
    for name, entry in entries.items():
        # an entry without a cursor covers nothing up to the day before it begins
        covered = entry.cursor or entry.since - timedelta(days=1)
        marked = name if entry.splits is None else f"{name}={entry.splits}"
        groups.setdefault((covered, entry.since), []).append(marked)
    blob: dict[str, object] = {"version": VERSION}
    if basis.bar is not None:
        blob |= {"adjusted": basis.adjusted, "bar": basis.bar}
    if basis.otc:
        blob["otc"] = True
    if groups:
        blob[stream.cursor] = _cursor_text(stream, min(groups)[0])
    blob["tickers"] = [
        {"since": since.isoformat(), stream.cursor: _cursor_text(stream, covered), "names": ",".join(names)}
        for (covered, since), names in sorted(groups.items())
    ]
    if market_splits:
        blob["splits"] = ",".join(f"{name}={mark}" for name, mark in market_splits.items())
    if market_rows is not None:
        blob["market_rows"] = market_rows
    if files:
        blob["files"] = {
            "etags": {session.isoformat(): etag for session, etag in files.etags.items()},
            "missing": [session.isoformat() for session in files.missing],
        }
    return blob


def _cursor_text(stream: Stream, day: date) -> str:
    return utc_text(midnight_ms(day)) if stream.times else day.isoformat()


def read(stream: Stream, blob: Any) -> EarlierState:
    """Parse a stream_state. Unknown keys are ignored. Raises `ConfigError` for an unreadable state."""
    if blob is None or blob == {}:
        return NoState()
    if not isinstance(blob, Mapping):
        raise _unreadable(stream, "it is not a JSON object")
    if "version" in blob or "tickers" in blob:
        version = blob.get("version")
        if version != VERSION:
            shown = repr(version)[:20] if isinstance(version, int | str) else "unknown"
            fault = f"its version is {shown}, where the number {VERSION} is understood"
            raise _unreadable(stream, fault)
        return _read_own(stream, blob)
    for key in (stream.cursor, "date", "timestamp"):
        if blob.get(key) is not None:
            return BareDateState(max(_EPOCH, _read_day(stream, blob, key)))
    raise _unreadable(stream, f"it has no {stream.cursor}")


def _read_own(stream: Stream, blob: JsonObject) -> SavedState:
    adjusted, bar, otc = blob.get("adjusted"), blob.get("bar"), blob.get("otc", False)
    groups = blob.get("tickers")
    if isinstance(stream.source, Listed):
        adjusted = bar = None
    elif not isinstance(adjusted, bool) or not isinstance(bar, str) or not isinstance(otc, bool):
        raise _unreadable(stream, "adjusted, bar or otc is missing or of a wrong type")
    if not isinstance(groups, list):
        raise _unreadable(stream, "tickers is not a list")
    if not groups:
        raise _unreadable(stream, "tickers has no entry")
    entries: dict[str, Entry] = {}
    for group in groups:
        if not isinstance(group, Mapping):
            raise _unreadable(stream, "an entry of tickers is not an object")
        since = max(_EPOCH, _read_day(stream, group, "since"))
        covered = _read_day(stream, group, stream.cursor)
        names = _read_names(stream, group.get("names"))
        if not names:
            raise _unreadable(stream, "an entry of tickers has no names")
        for name, mark in names:
            if name in entries:
                raise _unreadable(stream, f"it has {name[:40]} twice")
            entries[name] = Entry(since, covered if covered >= since else None, mark)
    splits = {name: mark for name, mark in _read_names(stream, blob.get("splits") or "") if mark}
    basis, rows = Basis(adjusted, bar, otc is True), _read_market_rows(stream, blob)
    return SavedState(basis, entries, splits, _read_files(stream, blob), rows)


def _read_market_rows(stream: Stream, blob: JsonObject) -> int | None:
    rows = blob.get("market_rows")
    if not isinstance(rows, int | None) or isinstance(rows, bool):
        raise _unreadable(stream, "market_rows is not a whole number")
    return rows


def _read_files(stream: Stream, blob: JsonObject) -> FileMarks:
    files = blob.get("files") or {}
    etags = files.get("etags", {}) if isinstance(files, Mapping) else None
    missing = files.get("missing", []) if isinstance(files, Mapping) else None
    if not isinstance(etags, Mapping) or not isinstance(missing, list):
        raise _unreadable(stream, "files is of a wrong type")
    try:
        return FileMarks(
            {date.fromisoformat(session): str(etag) for session, etag in etags.items()},
            tuple(sorted(date.fromisoformat(session) for session in missing)),
        )
    except (ValueError, TypeError):
        raise _unreadable(stream, "files has a session that is not a date") from None


def _read_names(stream: Stream, text: Any) -> list[tuple[str, str | None]]:
    if not isinstance(text, str):
        raise _unreadable(stream, "names is not a string")
    parts = (part.partition("=") for part in text.split(",") if part)
    return [(name, mark or None) for name, _, mark in parts]


def _read_day(stream: Stream, holder: JsonObject, key: str) -> date:
    """Return a day from ``2020-12-21``, or the New York date of a timestamp. Raises `ConfigError`."""
    text = holder.get(key)
    if not isinstance(text, str):
        raise _unreadable(stream, f"{key} is missing" if text is None else f"{key} is not a string")
    try:
        if len(text) <= len("2020-12-21"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        return new_york_date(moment) if moment.tzinfo else moment.date()
    except (ValueError, OverflowError):
        raise _unreadable(stream, f"{key} is {text[:40]!r}, which is not a date") from None


def _unreadable(stream: Stream, fault: str) -> ConfigError:
    return ConfigError(f"The state of {stream.name} cannot be read: {fault}. {REMEDY}")
