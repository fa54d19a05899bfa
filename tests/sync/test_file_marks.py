"""What a state remembers of flat files."""

from datetime import date, timedelta

from stockticker_async.sync.file_marks import FileLedger, FileMarks

FIRST = date(2020, 12, 14)
DAYS = [FIRST + timedelta(days) for days in range(4)]


def test_a_file_is_unchanged_while_its_etag_is_the_one_that_was_read() -> None:
    ledger = FileLedger(FileMarks({FIRST: "one"}), kept=1)
    assert ledger.is_unchanged(FIRST, "one")
    assert not ledger.is_unchanged(FIRST, "two")
    assert not ledger.is_unchanged(DAYS[1], "one")
    assert not FileLedger(FileMarks({FIRST: ""}), kept=1).is_unchanged(FIRST, ""), "a server without ETags"


def test_the_newest_etags_are_kept() -> None:
    ledger = FileLedger(FileMarks({DAYS[0]: "a"}), kept=2)
    for day in DAYS[1:]:
        ledger.read(day, str(day))
    assert list(ledger.marks().etags) == DAYS[2:]
    assert FileLedger(FileMarks({FIRST: "a"}), kept=0).marks().etags == {}


def test_a_missing_session_is_remembered_until_it_is_read_or_given_up() -> None:
    ledger = FileLedger(FileMarks(missing=(DAYS[0],)), kept=1)
    ledger.lack(DAYS[1:])
    ledger.read(DAYS[1], "e")
    ledger.give_up(DAYS[2:3])
    assert ledger.missing == {DAYS[0], DAYS[3]}
    assert ledger.marks().missing == (DAYS[0], DAYS[3])
    assert not FileMarks()
