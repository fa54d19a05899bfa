"""`make audit`: a known vulnerability is found, and what cannot be known is not claimed."""

import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long  # pip-audit takes a second or two to start
ROOT = Path(__file__).parents[2]
HASH = f"    --hash=sha256:{'0' * 64}\n"
LOCK = "".join(
    f"{pin} \\\n{HASH}"
    for pin in ("one==1.0", "two==2.0 ; python_version >= '3.11'", "three==3.0 ; python_version < '3.11'")
)
NOWHERE = "http://127.0.0.1:1/"


@contextmanager
def database(answers: dict[str, Any], asked: list[tuple[str, str]]) -> Iterator[str]:
    """A vulnerability database that answers so, by name, and else that it knows none."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = question["package"]["name"]
            asked.append((name, question["version"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(name, {})).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def audited(url: str, folder: Path, text: str = LOCK) -> tuple[int, list[str]]:
    (folder / "requirements.lock").write_text(text)
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", "-r", folder / "requirements.lock", "--osv-url", url],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_the_linter_s_security_rules_are_on() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert told["select"] == ["ALL"]
    assert not [rule for rule in told["ignore"] if rule.startswith("S")]
    shipped = [path for path, rules in told["per-file-ignores"].items() if any(r[0] == "S" for r in rules)]
    assert not [path for path in shipped if path.startswith("stockticker_async")]


def test_a_database_that_cannot_be_reached_is_told_as_skipped(tmp_path: Path) -> None:
    code, [said] = audited(NOWHERE, tmp_path)
    assert code == 0
    assert said.startswith("vulnerabilities: skipped: no vulnerability database reachable (requests.")


def test_a_database_that_answers_something_else_is_told_as_skipped(tmp_path: Path) -> None:
    with database({"one": ["no"]}, []) as url:
        code, [said] = audited(url, tmp_path)
    assert code == 0
    assert said.startswith("vulnerabilities: skipped: ")


def test_every_pin_of_this_python_is_asked_for(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    with database({}, asked) as url:
        told = audited(url, tmp_path)
    assert told == (0, ["vulnerabilities: none known, 2 pins asked for"])
    assert sorted(asked) == [("one", "1.0"), ("two", "2.0")]


@pytest.mark.fault("vulnerable dependency")
def test_a_known_vulnerability_is_an_error_that_names_it(tmp_path: Path) -> None:
    affected = [{"package": {"name": "two", "ecosystem": "PyPI"}, "ranges": []}]
    with database({"two": {"vulns": [{"id": "GHSA-1", "affected": affected}]}}, []) as url:
        code, said = audited(url, tmp_path)
    assert (code, said[-1]) == (1, "WRONG: two 2.0 has the vulnerability GHSA-1")


@pytest.mark.parametrize("line", ["one==1.0\n", f"one>=1.0 \\\n{HASH}"], ids=["no hash", "a range"])
@pytest.mark.fault("vulnerable dependency")
def test_what_is_not_pinned_is_an_error(line: str, tmp_path: Path) -> None:
    code, [said] = audited(NOWHERE, tmp_path, line)
    assert code == 1
    assert said.startswith("WRONG: ")
    assert "one" in said
