"""A terminal drawn by rich: sentences stay, the line below them does not, and texts are no markup."""

import pytest

from stockticker_async.connector.rich_terminal import Drawn


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    return Drawn(color=False)


@pytest.mark.parametrize("text", ["[red]TSLA[/red]", ":warning: 2020-12-21", "x" * 200, "https://a.b/[c]"])
def test_a_note_is_shown_as_it_is_on_stderr_alone(
    drawn: Drawn, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn.note("WARN", text, "yellow")
    told = capsys.readouterr()
    assert told.err == f"WARN: {text}\n"
    assert told.out == ""


def test_a_table_has_a_line_for_each_row(drawn: Drawn, capsys: pytest.CaptureFixture[str]) -> None:
    drawn.table([("TSLA", "seen", ""), ("AAPL", "[not] seen", "red")])
    assert [line.split() for line in capsys.readouterr().err.splitlines()] == [
        ["TSLA", "seen"],
        ["AAPL", "[not]", "seen"],
    ]


def test_the_line_is_one_line_and_is_taken_back(drawn: Drawn, capsys: pytest.CaptureFixture[str]) -> None:
    drawn.line("reading " + "x" * 200)
    first = capsys.readouterr().err
    assert "reading" in first
    assert "x" * 41 not in first
    assert "\x1b[?25h" in first, "a kill would leave the cursor hidden"
    drawn.line("half")
    assert "half" in capsys.readouterr().err
    drawn.line("")
    assert "\x1b[2K" in capsys.readouterr().err
    drawn.line("")
    assert capsys.readouterr().err == ""


def test_a_terminal_that_cannot_take_a_line_back_gets_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    dumb = Drawn(color=True)
    dumb.line("reading")
    assert capsys.readouterr().err == ""
    dumb.note("INFO", "told", "")
    assert capsys.readouterr().err == "INFO: told\n"
