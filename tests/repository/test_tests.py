"""Where tests stand: each module has a file of its own name beside its wing, and no wing tests another's."""

import ast
from pathlib import Path

import pytest

import stockticker_async

NAME = "stockticker_async"
PACKAGE = Path(stockticker_async.__file__).parent
TESTS = Path(__file__).parent.parent
WINGS = ("marketdata", "streams", "sync", "connector")
"""From below, as in test_layers.py."""
LOOKS_ABOVE = {
    "marketdata/test_bar_pages.py": "pages are judged by the lines that they become, byte for byte",
    "marketdata/test_list_calls.py": "the calls of every listing in the table of streams",
    "marketdata/test_list_judge.py": "the judge of every listing in the table of streams",
    "sync/test_state_format.py": "the size of a state is that of its whole line",
    "sync/test_windows.py": "jobs made of configurations, and streams with an Airbyte sink",
}
"""Test files that import a wing above their own, each with its reason."""
MOST_LINES = 600


def modules(wing: str) -> set[str]:
    """The modules of a wing as paths in it, without a suffix: ``readers/bars``."""
    found = {path.relative_to(PACKAGE / wing).with_suffix("") for path in (PACKAGE / wing).rglob("*.py")}
    return {str(one) for one in found if one.name != "__init__"}


def files_of(wing: str) -> list[Path]:
    return sorted((TESTS / wing).rglob("test_*.py"))


def place(path: Path, wing: str) -> str:
    """``sync/readers/test_bars.py`` as ``readers/bars``."""
    inner = path.relative_to(TESTS / wing)
    return str(inner.with_name(inner.stem.removeprefix("test_")))


def imported(path: Path) -> set[str]:
    """The modules of the package that a test file imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(str(source), names):
                found |= {source, *(f"{source}.{alias.name}" for alias in names)}
    return {one.removeprefix(f"{NAME}.") for one in found if one.startswith(f"{NAME}.")}


def module_of(path: Path, wing: str) -> str | None:
    """The module that a test file is named after: it may go on with a subject, as ``client_headers``."""
    named = place(path, wing)
    # the wing's own package is tested under the wing's name
    known = {*modules(wing), wing}
    return max((one for one in known if f"{named}_".startswith(f"{one}_")), key=len, default=None)


@pytest.mark.parametrize("wing", WINGS)
def test_each_module_has_a_test_file_of_its_name(wing: str) -> None:
    assert modules(wing) - {place(path, wing) for path in files_of(wing)} == set()


@pytest.mark.parametrize("wing", WINGS)
def test_each_test_file_is_named_after_a_module_of_its_wing(wing: str) -> None:
    assert [path for path in files_of(wing) if module_of(path, wing) is None] == []


@pytest.mark.parametrize("wing", WINGS)
def test_a_test_file_imports_no_wing_above_its_own(wing: str) -> None:
    above = WINGS[WINGS.index(wing) + 1 :]
    for path in files_of(wing):
        looks = {one for one in imported(path) if one.split(".")[0] in above}
        assert bool(looks) is (str(path.relative_to(TESTS)) in LOOKS_ABOVE), (path, looks)


def test_no_test_file_is_too_long_to_be_read() -> None:
    lengths = {path: len(path.read_bytes().splitlines()) for wing in WINGS for path in files_of(wing)}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_test_file_imports_another_but_for_its_cases() -> None:
    files = {path.stem: path for path in TESTS.rglob("test_*.py")}
    found = set()
    for path in files.values():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                named = {(node.module or "").split(".")[-1], *(alias.name for alias in node.names)}
                found |= {path.name} if named & files.keys() else set()
    assert found == {"test_secrets.py"}, "which looks for the key in every case of its neighbours"
