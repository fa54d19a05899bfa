"""Which test proves which fault of docs/faults.md, by the markers `fault` of all tests in some files.

`python tests/proofs.py FILE ...` prints the names of the faults by test, as JSON.
"""

import contextlib
import io
import json
import sys

import pytest


class _Markers:
    """A plugin that takes the markers from the collected tests."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self.found[item.nodeid] = [name for mark in item.iter_markers("fault") for name in mark.args]


if __name__ == "__main__":
    markers, printed = _Markers(), io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = pytest.main(
            ["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[markers]
        )
    sys.stdout.write(printed.getvalue() if code else json.dumps(markers.found))
    sys.exit(code)
