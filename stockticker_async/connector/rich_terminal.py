"""A terminal display with `rich`. Only this module imports `rich`, which takes a tenth of a second."""

from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text


class Drawn:
    """Implements `terminal.Screen`: the progress line stays below the notes."""

    def __init__(self, *, color: bool) -> None:
        self._console = Console(
            stderr=True, color_system="auto" if color else None, highlight=False, markup=False, emoji=False
        )
        self._live: Live | None = None

    def line(self, text: str) -> None:
        if not text:
            if self._live is not None:
                self._live.stop()
                self._live = None
            return
        if self._console.is_dumb_terminal:
            return  # it could not take a line back
        shown = Text(text, no_wrap=True, overflow="ellipsis", style="dim")
        if self._live is not None:
            self._live.update(shown, refresh=True)
            return
        # refreshed by us and not by a thread; stdout is not rich's
        self._live = Live(
            shown,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)
        self._console.show_cursor(show=True)  # a kill would leave it hidden

    def note(self, label: str, text: str, style: str) -> None:
        self._console.print(Text.assemble((f"{label}: ", style), text), soft_wrap=True)

    def table(self, rows: Sequence[tuple[str, str, str]]) -> None:
        grid = Table.grid(padding=(0, 2))
        for name, text, style in rows:
            grid.add_row(Text(name, style=style or "bold"), Text(text))
        self._console.print(grid)
