"""Sentences for a person: written where stderr takes them, and no reason to fail where it does not."""

import subprocess
import sys

import pytest

from stockticker_async.connector.stderr import say

CODE = """
from stockticker_async.connector.stderr import say
say("first" + chr(10))
say("second" + chr(10))
print("went on")
"""


def run(redirect: str) -> subprocess.CompletedProcess[str]:
    shell = f'"$0" -c "$1" {redirect}'
    command = ["/bin/sh", "-c", shell, sys.executable, CODE]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_sentence_is_written_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    say("half a line")
    assert capsys.readouterr() == ("", "half a line")


def test_sentences_come_in_their_order() -> None:
    done = run("")
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "first\nsecond\n")


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full"], ids=["closed", "full"])
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_where_nobody_can_be_told_the_program_goes_on_and_ends_well(redirect: str) -> None:
    done = run(redirect)
    assert (done.returncode, done.stdout) == (0, "went on\n")
