"""What a person at a terminal sees on stderr: how far a sync is, what went wrong, a table at the end.

The lines that pass on their way to stdout tell nearly all of it; the rest is asked of `SyncProgress`. `rich`
draws it where that is installed (the extra ``terminal``); without it the same is told in plain lines, but
for the line of progress. Whatever a terminal does, the sync goes on.
"""

import os
import re
import select
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

import orjson

from stockticker_async.clock import Clock
from stockticker_async.connector.command_context import Offering, Watcher
from stockticker_async.sync.progress import SyncProgress

_EVERY = 0.5
"""Seconds between two looks at the progress: often enough for a person, and calm."""
_RECORDS = b'{"type":"RECORD","record":{"stream":"'
_Style = Literal["red", "yellow", "green", ""]
_Rows = Sequence[tuple[str, str, _Style]]


class Screen(Protocol):
    """A place for texts."""

    def line(self, text: str) -> None:
        """Show this in place of the line before; nothing for an empty text."""

    def note(self, label: str, text: str, style: _Style) -> None:
        """Tell this for good, above the line."""

    def table(self, rows: _Rows) -> None:
        """Tell these for good, one below the other."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to show: of a sync, or of a command that answers with a few sentences."""

    table: bool
    """A table of what was answered; else a line of progress, and how each stream ended."""
    notes: bool
    """Warnings and errors, which are not seen anywhere else; and the line."""


def look(*, table: bool) -> Look | None:
    """What to show where stderr is a terminal; None where stdout shows all already."""
    seen = os.isatty(1)
    return None if seen and not table else Look(table=table, notes=not seen)


def screen(*, color: bool) -> Screen:
    """The terminal that stderr is; ``color`` is what the user wants, NO_COLOR and TERM aside."""
    try:
        from stockticker_async.connector.rich_terminal import Drawn  # noqa: PLC0415 - at a terminal only
    except ImportError:
        return Plain()
    return Drawn(color=color and not os.environ.get("NO_COLOR"))


class Plain:
    """Lines without any art."""

    def line(self, text: str) -> None:
        """Nothing: it could not be taken back."""

    def note(self, label: str, text: str, style: _Style) -> None:  # noqa: ARG002 - plain
        sys.stderr.write(f"{label}: {text}\n")

    def table(self, rows: _Rows) -> None:
        width = max((len(name) for name, _, _ in rows), default=0)
        sys.stderr.writelines(f"{name:{width}}  {text}".rstrip() + "\n" for name, text, _ in rows)


@dataclass(slots=True)
class _Stream:
    records: int = 0
    status: str = ""


@dataclass(slots=True)
class Watched:
    """Passes lines on, and shows what they say. Implements `Watching`."""

    output: Offering
    progress: SyncProgress
    clock: Clock
    look: Look
    screen: Screen
    _streams: dict[str, _Stream] = field(default_factory=dict)
    _answers: list[tuple[str, str, _Style]] = field(default_factory=list)
    _waits_until: float = 0.0
    _gone: bool = False
    _ended: bool = False

    async def put(self, piece: bytes) -> None:
        self._see(piece)
        await self.output.put(piece)

    async def drain(self) -> None:
        await self.output.drain()

    def offer(self, piece: bytes) -> None:
        self._see(piece)
        self.output.offer(piece)

    async def run(self) -> None:
        """Show the line of progress for as long as this is not cancelled."""
        while self.look.notes and not self.look.table and not self._ended:
            await self.clock.sleep(_EVERY)  # first: what is over at once needs no line
            self._show(self.screen.line, self._line())

    def end(self) -> None:
        """Take the line back, and tell what came of it all, once."""
        if self._ended:
            return
        self._ended = True
        self._show(self.screen.line, "")
        rows = self._answers if self.look.table else self._ends()
        if rows:
            self._show(self.screen.table, rows)

    def _show(self, how: Callable[..., None], *told: Any) -> None:
        """A terminal that has been closed, or stopped taking letters, is no reason to end a sync."""
        if self._gone or not _takes_text():
            return
        try:
            how(*told)
        except OSError:
            self._gone = True

    def _see(self, piece: bytes) -> None:
        if piece.startswith(_RECORDS):
            name = piece[len(_RECORDS) : piece.index(b'"', len(_RECORDS))].decode()
            self._stream(name).records += piece.count(b"\n")
            self._waits_until = 0.0
            return
        for line in piece.splitlines():
            self._hear(orjson.loads(line))

    def _stream(self, name: str) -> _Stream:
        return self._streams.setdefault(name, _Stream())

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "LOG", "log": {"level": "WARN" | "ERROR" | "FATAL" as level, "message": text}}:
                self._note(level, text, "yellow" if level == "WARN" else "red")
            case {"type": "LOG", "log": {"level": "INFO", "message": text}} if self.look.table:
                self._answers.append((*_cells(text), ""))
            case {"type": "TRACE", "trace": {"error": {"message": text} as error}}:
                name = error.get("stream_descriptor", {}).get("name")
                self._note("ERROR", text if name is None else f"{name}: {text}", "red")
            case {"type": "TRACE", "trace": {"stream_status": status}}:
                self._stream(status["stream_descriptor"]["name"]).status = status["status"]
                for reason in status.get("reasons", ()):
                    self._waits_until = reason["rate_limited"]["quota_reset"] / 1000
            case {"type": "CONNECTION_STATUS", "connectionStatus": {"status": told, "message": text}}:
                # a sentence a line: one ends before a blank and a capital letter
                first, *others = re.split(r"(?<=[.?]) (?=[A-Z])", text)
                self._answers.append((told, plain(first), "green" if told == "SUCCEEDED" else "red"))
                self._answers += [("", plain(one), "") for one in others]

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
        if self._waits_until > self.clock.utc_now().timestamp():
            until = datetime.fromtimestamp(self._waits_until).astimezone()
            parts.append(f"waits for the allowance until {until:%H:%M:%S}")
        return " · ".join(parts)

    def _ends(self) -> _Rows:
        """How each stream ended, where this is not seen elsewhere."""
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
    """What watches the lines of a program, to be given its output."""

    def watch(output: Offering, progress: SyncProgress) -> Watched:
        return Watched(output, progress, clock, shown, screen(color=color))

    return watch


def _takes_text() -> bool:
    """Whether stderr takes letters now: a terminal that was stopped (Ctrl-S) would hold the whole sync."""
    poller = select.poll()
    poller.register(2, select.POLLOUT)
    return bool(poller.poll(0))


def plain(text: str) -> str:
    """What may be shown at a terminal: no control characters, which could be orders to it."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cells(text: str) -> tuple[str, str]:
    """A line of a plan: which streams, and what is said of them."""
    names, colon, rest = text.partition(": ")
    if colon and re.fullmatch(r"[a-z_]+(, [a-z_]+)*", names):
        return names, plain(rest)
    return "", plain(text)
