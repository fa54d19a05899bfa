"""A stream is added to a copy of the project by the steps of docs/new-stream.md, one after the other."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import new_streams
import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("stockticker_async", "tests", "docs", "catalogs", "integration_tests", "benchmarks")
SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "description": "Colours of tickers.",
    "properties": {
        "code": {"type": "string", "description": "The code."},
        "wavelength": {"type": ["null", "number"], "description": "In nanometres."},
    },
}
ROW = {"code": "red", "wavelength": 700.5}
BODY = {"status": "OK", "request_id": "1", "results": [ROW]}
FIXTURE = {
    "config": {"stock_ticker": "TSLA", "start_date": "2020-08-01"},
    "answers": [{"path": "/v3/reference/colours", "body": BODY}],
    "records": [ROW],
}
ANSWER = '''
async def colours(_: Context, request: ApiRequest) -> ApiResponse:
    """GET /v3/reference/colours."""
    return page_of(request, ROWS, None)
'''


class Copy:
    """A copy of the project, in which programs run with its own code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.package = root / "stockticker_async"
        unused = shutil.ignore_patterns("__pycache__", ".*")
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=unused)
        for path in ROOT.iterdir():
            if path.is_file():
                shutil.copy(path, root)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**environment, "PYTHONPATH": str(self.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def tests(self, *arguments: str) -> tuple[int, str]:
        done = self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
        return done.returncode, done.stdout + done.stderr

    def edit(self, path: str, before: str, after: str) -> None:
        text = (self.package / path).read_text()
        assert text.count(before) == 1
        (self.package / path).write_text(text.replace(before, after))

    def catalogs(self) -> list[str]:
        return [path.read_text() for path in sorted((self.root / "catalogs").iterdir())]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    yield Copy(tmp_path / "project")
    shutil.rmtree(tmp_path)


@pytest.mark.long  # the tests of the copy run within it, among them long ones
@pytest.mark.usefixtures("uncounted")
def test_the_steps_of_the_document_are_all_there_is_to_do(copy: Copy) -> None:
    row = '    Stream("colours", ("code",), "", Listed(Listing("/v3/reference/colours", 30))),\n'
    after = '    Stream("market_holidays",'
    copy.edit("streams/table.py", after, row + after)
    assert_told(copy, "The stream colours has no schema: step 2, stockticker_async/schemas/colours.json.")

    (copy.package / "schemas" / "colours.json").write_text(json.dumps(SCHEMA))
    assert_told(copy, "The sandbox has no route for /v3/reference/colours of the stream colours: step 3,")

    codes = copy.package / "sandbox" / "endpoints" / "codes.py"
    codes.write_text(codes.read_text() + ANSWER.replace("ROWS", "[]"))
    routes = "sandbox/endpoints/routes.py"
    copy.edit(routes, "import conditions,", "import colours, conditions,")
    copy.edit(routes, "ROUTES = (\n", 'ROUTES = (\n    Route("/v3/reference/colours", colours),\n')
    assert_told(copy, "The stream colours has no fixture: step 4, tests/fixtures/colours.json.")

    (copy.root / "tests" / "fixtures" / "colours.json").write_text(json.dumps(FIXTURE))
    before = copy.catalogs()
    made = copy.python("integration_tests/make.py")
    assert made.returncode == 1
    assert "No record of colours" in made.stderr
    assert copy.catalogs() == before, "files that are half made are taken back"

    codes.write_text(codes.read_text().replace("page_of(request, []", f"page_of(request, [{ROW}]"))
    for script in ("integration_tests/make.py", "docs/tables.py"):
        made = copy.python(script)
        assert made.returncode == 0, made.stderr
    catalogs = "tests/repository/test_project.py::test_a_catalog_is_what_the_catalog_command_makes"
    names = ("repository/test_fixtures", "connector/test_catalog", "repository/test_acceptance")
    files = [f"tests/{name}.py" for name in (*names, "repository/test_readme")]
    code, told = copy.tests(catalogs, *files)
    assert code == 0, told
    assert "| `colours` |" in (copy.root / "README.md").read_text()


def assert_told(copy: Copy, sentence: str) -> None:
    code, told = copy.tests("tests/connector/test_catalog.py")
    assert code == 1
    assert sentence in told
    assert "passed" not in told
    assert "Traceback" not in told


def test_the_steps_name_what_there_is() -> None:
    steps = (ROOT / "docs" / "new-stream.md").read_text()
    assert re.findall(r"^(\d)\. ", steps, re.MULTILINE) == list("12345")
    paths = re.findall(r"`([\w-]+(?:/[\w{}.-]*)+|[\w-]+\.yml)`", steps)
    assert len(paths) >= 8
    for path in paths:
        assert (ROOT / path.format(name="ticker_types")).exists(), path
    assert new_streams.missing() is None
