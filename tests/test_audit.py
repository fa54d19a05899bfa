"""`make audit`: what is pinned badly is found, and what cannot be known is not claimed."""

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

ROOT = Path(__file__).parent.parent
HASH = f"    --hash=sha256:{'0' * 64}\n"
ONE = f"one==1.0 \\\n{HASH}"
TWO = f"two==2.0 ; python_version < '3.12' \\\n{HASH}"


@contextmanager
def database(answer: Any, questions: list[Any]) -> Iterator[str]:
    """A vulnerability database that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            questions.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

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


def audited(url: str, *paths: Path) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", *paths],
        env={"AUDIT_DATABASE": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(ONE + TWO)
    return path


NOWHERE = "http://127.0.0.1:1/"


def test_the_linter_s_security_rules_are_on() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert told["select"] == ["ALL"]
    assert not [rule for rule in told["ignore"] if rule.startswith("S")]
    shipped = [path for path, rules in told["per-file-ignores"].items() if any(r[0] == "S" for r in rules)]
    assert not [path for path in shipped if path.startswith("stockticker_async")]


def test_our_own_locks_are_well_pinned() -> None:
    code, said = audited(NOWHERE, ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
    assert code == 0
    assert said[0].endswith("all with hashes, and of one version")


def test_a_database_that_cannot_be_reached_is_told_as_skipped(lock: Path) -> None:
    code, said = audited(NOWHERE, lock)
    assert code == 0
    assert said[1].startswith("vulnerabilities: skipped: no vulnerability database reachable (URLError")


@pytest.mark.parametrize("answer", [{}, [], {"results": []}, {"results": [1, 2]}, "no"])
def test_a_database_that_answers_something_else_is_told_as_skipped(answer: Any, lock: Path) -> None:
    with database(answer, []) as url:
        code, said = audited(url, lock)
    assert code == 0
    assert said[1].startswith("vulnerabilities: skipped: ")


def test_every_pin_is_asked_for_in_one_request(lock: Path) -> None:
    questions: list[Any] = []
    with database({"results": [{}, {}]}, questions) as url:
        code, said = audited(url, lock)
    assert (code, said[1]) == (0, "vulnerabilities: none known, 2 pins asked for")
    [asked] = questions
    assert [(one["package"]["name"], one["version"]) for one in asked["queries"]] == [
        ("one", "1.0"),
        ("two", "2.0"),
    ]


def test_a_known_vulnerability_is_an_error_that_names_it(lock: Path) -> None:
    with database({"results": [{}, {"vulns": [{"id": "GHSA-1"}]}]}, []) as url:
        code, said = audited(url, lock)
    assert (code, said[-1]) == (1, "WRONG: two 2.0 has the vulnerability GHSA-1")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("one==1.0\n", "one has no hash"),
        (f"one==1.0 \\\n    --hash=md5:{'0' * 32}\n", "one has no hash"),
        (f"{ONE}three>=3\n", "not a pin: three>=3"),
        (f"{ONE}--index-url somewhere\n", "not a pin: --index-url somewhere"),
        ("# nothing\n", "nothing is pinned"),
    ],
)
def test_what_is_not_pinned_is_an_error(text: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(text)
    code, said = audited(NOWHERE, path)
    assert (code, said[-1]) == (1, f"WRONG: {path}: {wrong}")


def test_locks_that_disagree_are_an_error(lock: Path, tmp_path: Path) -> None:
    other = tmp_path / "requirements-dev.lock"
    other.write_text(ONE.replace("1.0", "1.1"))
    code, said = audited(NOWHERE, lock, other)
    assert (code, said[-1]) == (1, "WRONG: one is pinned to 1.0 and to 1.1")
