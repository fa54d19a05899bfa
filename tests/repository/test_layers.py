"""Who may import what, who may write to stdout, and what a command must not pay for."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import stockticker_async

PACKAGE = Path(stockticker_async.__file__).parent
NAME = "stockticker_async"
WINGS = ("marketdata", "streams", "sync", "connector")
"""From below: a module imports its own wing, the wings before it, and `BELOW_ALL`."""
LIBRARY = "library"
"""A wing beside the connector, of which it knows only how options are judged."""
SPARK = "spark"
"""A wing beside the library, which it uses; of the connector it knows as much as the library does."""
BELOW_ALL = {NAME, f"{NAME}.errors", f"{NAME}.clock", f"{NAME}.json_object"}
PURE = {
    "marketdata": (
        "bar_pages",
        "bar_size",
        "bar_times",
        "bars",
        "bucket_faults",
        "calendar",
        "call_limits",
        "endpoints",
        "file_lines",
        "file_rows",
        "limiter",
        "list_calls",
        "list_judge",
        "listings",
        "nyse_closures",
        "pace",
        "responses",
        "rows",
        "session_files",
        "settings",
        "splits",
        "ticker_name",
    ),
    "streams": ("bar_rows", "table", "transforms"),
    "sync": (
        "completeness",
        "coverage",
        "failures",
        "file_marks",
        "fingerprint",
        "job",
        "call_plan",
        "session_runs",
        "session_sizes",
        "sink",
        "rereads",
        "start",
        "state",
        "state_format",
        "windows",
    ),
    "connector": (
        "bar_lines",
        "catalog",
        "config",
        "config_values",
        "flat_files_config",
        "protocol",
        "state_file",
    ),
    "library": ("arrow_tables", "bar_columns", "outcome", "row_columns"),
    "spark": ("allowance_parts", "offset", "push_down"),
}
"""The modules that decide, and know nothing of the world."""
CORE = ["errors", "json_object", *(f"{wing}.{name}" for wing, names in PURE.items() for name in names)]
THE_WORLD = {"aiohttp", "anyio", "asyncio", "os", "random", "socket", "sys", "time"}


def _module_of(path: Path) -> str:
    parts = (NAME, *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


MODULES = {_module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_bytes())


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """What is run of a module, at any depth: all but what only those who judge types read."""
    yield node
    if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        for child in ast.iter_child_nodes(node):
            yield from _run(child)


def imports(module: str) -> set[str]:
    """The modules that a module imports, inside functions too."""
    found = set()
    for node in _run(tree(module)):
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(source, names, 0):
                assert source is not None
                inner = {f"{source}.{alias.name}" for alias in names}
                found |= (inner & MODULES.keys()) or {source}
            case ast.ImportFrom():
                raise AssertionError(f"{module} has a relative import")
    return found


def is_sandbox(module: str) -> bool:
    return module.startswith(f"{NAME}.sandbox")


def ours(module: str) -> Iterator[str]:
    yield from (name for name in imports(module) if name.split(".")[0] == NAME)


@pytest.mark.parametrize("name", CORE)
def test_the_core_knows_nothing_of_the_world(name: str) -> None:
    roots = {imported.split(".")[0] for imported in imports(f"{NAME}.{name}")}
    assert not roots & THE_WORLD


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_only_the_core(name: str) -> None:
    core = {f"{NAME}.{one}" for one in CORE}
    # the catalog offers schemas, which are files of the package
    allowed = core | {f"{NAME}.connector.resources"} if name == "connector.catalog" else core
    if name.startswith(LIBRARY):  # schemas are files, too
        allowed = core | {f"{NAME}.library.arrow_schemas"}
    assert set(ours(f"{NAME}.{name}")) <= allowed


@pytest.mark.parametrize("name", CORE)
def test_the_core_never_asks_the_time(name: str) -> None:
    asked = [
        ast.unparse(node)
        for node in ast.walk(tree(f"{NAME}.{name}"))
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today")
    ]
    assert asked == []


def wing_of(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_itself_and_the_wings_below(wing: str) -> None:
    allowed = {*WINGS[: WINGS.index(wing) + 1]} | ({"sandbox"} if wing == "connector" else set())
    members = [module for module in MODULES if wing_of(module) == wing]
    assert members
    for module in members:
        foreign = {name for name in ours(module) if name not in BELOW_ALL and wing_of(name) not in allowed}
        assert foreign == set(), module


def test_the_library_imports_the_wings_below_and_how_options_are_judged() -> None:
    members = [module for module in MODULES if wing_of(module) == LIBRARY]
    assert members
    users = set()
    for module in members:
        above = {name for name in ours(module) if wing_of(name) in ("connector", "sandbox")}
        assert above <= {f"{NAME}.connector.config"}, module
        users |= {module} if above else set()
    assert users == {f"{NAME}.library.question"}
    for module in MODULES:
        foreign = {name for name in ours(module) if wing_of(name) == LIBRARY}
        assert foreign == set() or module in members or wing_of(module) == SPARK, module


def test_the_wing_of_spark_imports_the_library_and_how_options_are_judged() -> None:
    members = [module for module in MODULES if wing_of(module) == SPARK]
    assert members
    users = set()
    for module in members:
        above = {name for name in ours(module) if wing_of(name) in ("connector", "sandbox")}
        assert above <= {f"{NAME}.connector.config"}, module
        users |= {module} if above else set()
    assert users == {f"{NAME}.spark.{name}" for name in ("options", "api_key", "bucket_keys")}
    for module in MODULES:
        foreign = {name for name in ours(module) if wing_of(name) == SPARK}
        assert foreign == set() or module in members, module


def test_the_package_names_the_library_and_loads_nothing() -> None:
    assert set(ours(NAME)) == set()
    assert stockticker_async._MODULES.keys() == set(stockticker_async.__all__)
    for name, module in stockticker_async._MODULES.items():
        defined = {
            node.name
            for node in tree(f"{NAME}.{module}").body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        assert name in defined


def test_every_module_is_in_a_wing() -> None:
    outside = {module for module in MODULES if wing_of(module) not in (*WINGS, LIBRARY, SPARK, "sandbox")}
    assert outside == BELOW_ALL | {f"{NAME}.__main__"}
    for module in ("errors", "clock"):
        assert set(ours(f"{NAME}.{module}")) == set(), module


def test_no_module_imports_itself_by_detours() -> None:
    TopologicalSorter({module: set(ours(module)) for module in MODULES}).prepare()


def test_nothing_is_imported_that_is_not_installed_with_the_package() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for module in MODULES:
        wanted = list(project["dependencies"])
        if module == f"{NAME}.connector.rich_terminal":
            wanted += extras["terminal"]
        elif module == f"{NAME}.marketdata.bucket":
            wanted += extras["flatfiles"]
        elif wing_of(module) in (LIBRARY, SPARK):
            wanted += extras["arrow" if wing_of(module) == LIBRARY else "spark"]
        roots = {name.split(".")[0] for name in imports(module)} - sys.stdlib_module_names - {NAME}
        assert roots <= {re.split(r"[<>=]", one)[0] for one in wanted}, module


def test_the_sandbox_shares_no_code_with_the_connector() -> None:
    # not even a constant, so that one error cannot hide in both; the version is no behaviour
    for module in filter(is_sandbox, MODULES):
        foreign = {name for name in ours(module) if not is_sandbox(name)}
        assert foreign <= {NAME}, module


def in_sandbox(folder: str) -> list[str]:
    found = [module for module in MODULES if module.startswith(f"{NAME}.sandbox.{folder}.")]
    assert found
    return found


@pytest.mark.parametrize("module", in_sandbox("data"))
def test_the_sandboxs_data_knows_neither_requests_nor_the_world(module: str) -> None:
    assert set(ours(module)) <= set(in_sandbox("data"))
    roots = {imported.split(".")[0] for imported in imports(module)}
    assert not roots & THE_WORLD


FOLDERS = ("data", "endpoints", "bucket", "service")
HELD = {f"{NAME}.sandbox.{name}" for name in ("simulated_clock", "options")}


@pytest.mark.parametrize("module", in_sandbox("endpoints"))
def test_the_sandboxs_endpoints_know_nothing_of_their_service(module: str) -> None:
    assert set(ours(module)) <= {*in_sandbox("data"), *in_sandbox("endpoints"), *HELD}
    roots = {imported.split(".")[0] for imported in imports(module)}
    assert not roots & {"aiohttp", "anyio", "socket"}


@pytest.mark.parametrize("module", in_sandbox("bucket"))
def test_the_sandboxs_bucket_knows_nothing_of_its_service(module: str) -> None:
    allowed = {name for folder in ("data", "endpoints", "bucket") for name in in_sandbox(folder)}
    assert set(ours(module)) <= allowed | HELD
    roots = {imported.split(".")[0] for imported in imports(module)}
    assert not roots & {"aiohttp", "anyio", "socket"}


@pytest.mark.parametrize("module", in_sandbox("service"))
def test_the_sandboxs_service_knows_nothing_of_its_command(module: str) -> None:
    allowed = {name for folder in FOLDERS for name in in_sandbox(folder)}
    assert set(ours(module)) <= allowed | HELD


def test_no_module_of_the_sandbox_is_a_namesake_of_another() -> None:
    # the two sides share no code, and so no name: a search finds one module
    modules = [module for folder in FOLDERS for module in in_sandbox(folder)]
    names = Counter(module.rpartition(".")[2] for module in modules)
    assert [name for name, count in names.items() if count > 1] == []
    assert names.keys() & {module.rpartition(".")[2] for module in MODULES if not is_sandbox(module)} == set()


def test_only_the_commands_that_serve_it_import_the_sandbox() -> None:
    users = {module for module in MODULES if not is_sandbox(module) and any(map(is_sandbox, ours(module)))}
    assert users == {f"{NAME}.connector.{name}" for name in ("arguments", "cli", "demo")}


def _writes(module: str) -> Iterator[str]:
    """Whatever in a module may write to stdout."""
    for node in ast.walk(tree(module)):
        match node:
            case ast.Call(ast.Name("print")):
                yield "print"
            case ast.Attribute(ast.Name("sys"), "stdout" | "__stdout__"):
                yield "sys.stdout"
            case ast.Attribute(ast.Name("os"), "write" | "writev" | "fdopen" | "dup" | "dup2"):
                yield f"os.{node.attr}"
            case ast.ImportFrom("sys" | "os", names):
                yield from (
                    f"{alias.name} of its own" for alias in names if alias.name in ("stdout", "write")
                )


def test_only_the_output_writes_to_stdout() -> None:
    writers = {module: set(_writes(module)) for module in MODULES}
    assert {module: how for module, how in writers.items() if how} == {
        f"{NAME}.connector.output": {"os.write"},
        f"{NAME}.sandbox.command": {"print"},  # its own command: where it listens
    }


@pytest.mark.parametrize("command", ["spec", "discover"])
def test_a_command_that_needs_no_network_does_not_pay_for_it(command: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-X", "importtime", "-m", NAME, command]
    if command == "discover":
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"stock_ticker": "TSLA", "api_key": "a key"}))
        argv += ["--config", str(path)]
    done = subprocess.run(argv, capture_output=True, check=True)
    imported = {line.rpartition(b"|")[2].strip().decode() for line in done.stderr.splitlines()}
    assert "orjson" in imported
    roots = {name.split(".")[0] for name in imported}
    assert not roots & {"aiohttp", "msgspec", "yarl", "multidict", "zoneinfo"}
    assert not roots & {"aiohttp", "msgspec", "holidays", "yarl", "multidict", "zoneinfo", "pyarrow", "tqdm"}
