"""The display for a person at a terminal, on stderr: progress, warnings and errors, a table at the end.

Most of it comes from the observer's notifications, the rest from `SyncProgress`. `rich` draws the display if
it is installed (the extra ``terminal``); without `rich` the same texts are plain lines, without the progress
line. A fault of the terminal never ends the sync.
"""

import os
import re
import select
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from stockticker_async.clock import Clock
from stockticker_async.connector.command_context import Watcher, Watching
from stockticker_async.connector.discover import table
from stockticker_async.json_object import JsonObject
from stockticker_async.sync.progress import SyncProgress

_EVERY = 0.5
"""Seconds between two updates of the progress line."""
_PLAIN_EVERY = 10.0
"""Seconds between two progress lines in plain text, which stay on the screen."""
_Style = Literal["red", "yellow", "green", ""]
_Rows = Sequence[tuple[str, str, _Style]]


class Screen(Protocol):
    """A display for a person."""

    def line(self, text: str) -> None:
        """Replace the progress line by this text; an empty text removes it."""

    def note(self, label: str, text: str, style: _Style) -> None:
        """Print a text that stays, above the progress line."""

    def table(self, rows: _Rows) -> None:
        """Print rows that stay, one below the other."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to show: for a sync, or for a command that answers with a few sentences."""

    table: bool
    """Show the answers as a table; otherwise the progress line, and how each stream ended."""
    notes: bool
    """Show warnings, errors and the progress line, because stdout is not on the terminal."""
    lines: bool = False
    """Print plain lines without moving the cursor, as for a file."""


def look(*, table: bool, asked: bool) -> Look | None:
    """Return what to show; None if stderr is not a terminal, or if stdout on the terminal shows everything.

    With ``asked`` (the option `--progress`) everything is shown, wherever stderr and stdout lead.
    """
    here = os.isatty(2)
    if asked:
        return Look(table=table, notes=True, lines=not here)
    seen = os.isatty(1)
    return Look(table=table, notes=not seen) if here and (table or not seen) else None


def screen(shown: Look, *, color: bool) -> Screen:
    """Return the display on stderr. NO_COLOR and TERM may override ``color``."""
    if shown.lines:
        return Plain(keeps=True)
    try:
        from stockticker_async.connector.rich_terminal import Drawn  # noqa: PLC0415 - at a terminal only
    except ImportError:
        return Plain()
    return Drawn(color=color and not os.environ.get("NO_COLOR"))


class Plain:
    """Plain lines without colors."""

    def __init__(self, *, keeps: bool = False) -> None:
        """``keeps``: progress lines are printed, too, and stay."""
        self._keeps = keeps

    def line(self, text: str) -> None:
        if self._keeps and text:
            sys.stderr.write(f"{text}\n")

    def note(self, label: str, text: str, style: _Style) -> None:  # noqa: ARG002 - plain
        sys.stderr.write(f"{label}: {text}\n")

    def table(self, rows: _Rows) -> None:
        width = max((len(name) for name, _, _ in rows), default=0)
        sys.stderr.writelines(f"{name:{width}}  {text}".rstrip() + "\n" for name, text, _ in rows)


@dataclass(slots=True)
class _Stream:
    records: int = 0
    status: str = ""


@dataclass(slots=True, kw_only=True)
class Watched(Watching):
    """Shows the messages of a program to a person. Raises nothing, whatever the terminal does."""

    progress: SyncProgress
    clock: Clock
    look: Look
    screen: Screen
    _streams: dict[str, _Stream] = field(default_factory=dict)
    _answers: list[tuple[str, str, _Style]] = field(default_factory=list)
    _waits_until: datetime | None = None
    _gone: bool = False
    _ended: bool = False

    async def run(self) -> None:
        """Show the progress line until cancelled or ended."""
        while self.look.notes and not self.look.table and not self._ended:
            await self.clock.sleep(
                _PLAIN_EVERY if self.look.lines else _EVERY
            )  # sleeps first: a short command needs no line
            if not self._ended:  # the sync may have ended while this slept
                self._show(self.screen.line, self._line())

    def end(self) -> None:
        """Remove the progress line and show the table, once."""
        if self._ended:
            return
        self._ended = True
        self._show(self.screen.line, "")
        rows = self._answers if self.look.table else self._ends()
        if rows:
            self._show(self.screen.table, rows)

    def _show(self, how: Callable[..., None], *arguments: Any) -> None:
        """Call ``how``, unless the terminal is closed or stopped: this must not end or delay the sync."""
        if self._gone or not _takes_text():
            return
        try:
            how(*arguments)
        except OSError:
            self._gone = True

    def records(self, stream: str, count: int) -> None:
        self._stream(stream).records += count
        self._waits_until = None

    def status(self, stream: str, status: str) -> None:
        self._stream(stream).status = status

    def waits(self, until: datetime) -> None:
        self._waits_until = until

    def log(self, level: str, text: str) -> None:
        if level in ("WARN", "ERROR", "FATAL"):
            self._note(level, text, "yellow" if level == "WARN" else "red")
        elif level == "INFO" and self.look.table:
            self._answers.append((*_cells(text), ""))

    def error(self, text: str, stream: str | None) -> None:
        self.last_error = text
        self._note("ERROR", text if stream is None else f"{stream}: {text}", "red")

    def checked(self, text: str, *, succeeded: bool) -> None:
        # one sentence a line: a sentence ends before a blank and a capital letter
        first, *others = re.split(r"(?<=[.?]) (?=[A-Z])", text)
        style: _Style = "green" if succeeded else "red"
        self._answers.append(("SUCCEEDED" if succeeded else "FAILED", plain(first), style))
        self._answers += [("", plain(one), "") for one in others]

    def catalog(self, streams: Sequence[JsonObject]) -> None:
        self._answers += [(name, text, "") for name, text in table(streams)]

    def _stream(self, name: str) -> _Stream:
        return self._streams.setdefault(name, _Stream())

    def _note(self, label: str, text: str, style: _Style) -> None:
        if self.look.notes:
            self._show(self.screen.note, label, plain(text), style)

    def _line(self) -> str:
        records = sum(stream.records for stream in self._streams.values())
        made, planned = self.progress.calls_made(), self.progress.calls_planned
        parts = [_count(records, "record")]
        if self.progress.tickers:
            parts.insert(0, f"{self.progress.tickers_done():,} of {self.progress.tickers:,} tickers")
        parts.append(_count(made, "call") + (f", {planned - made:,} left" if planned > made else ""))
        if self._waits_until is not None and self._waits_until > self.clock.utc_now():
            parts.append(f"waits for the allowance until {self._waits_until.astimezone():%H:%M:%S}")
        return " · ".join(parts)

    def _ends(self) -> _Rows:
        """Return how each stream ended; empty if stdout shows it."""
        if not self.look.notes:
            return []
        return [
            (
                name,
                f"{_count(stream.records, 'record')}, {stream.status.lower()}",
                "green" if stream.status == "COMPLETE" else "red",
            )
            for name, stream in self._streams.items()
        ]


def watched(shown: Look, *, color: bool, clock: Clock) -> Watcher:
    """Return the function that makes the display from the progress of a sync."""

    def watch(progress: SyncProgress) -> Watched:
        return Watched(progress=progress, clock=clock, look=shown, screen=screen(shown, color=color))

    return watch


def _takes_text() -> bool:
    """Whether stderr is writable now: a write to a stopped terminal (Ctrl-S) would block the sync."""
    poller = select.poll()
    poller.register(2, select.POLLOUT)
    return bool(poller.poll(0))


def plain(text: str) -> str:
    """Return the text with control characters escaped: a terminal would execute them."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cells(text: str) -> tuple[str, str]:
    """Split a line of `--plan` into the names of streams and the rest."""
    names, colon, rest = text.partition(": ")
    if colon and re.fullmatch(r"[a-z_]+(, [a-z_]+)*", names):
        return names, plain(rest)
    return "", plain(text)
