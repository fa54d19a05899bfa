"""What the Dockerfile says, without an engine: `.ci/run` carries it out, and these know how it is read."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_EXTRAS = "import sys; sys.modules['rich'] = None\n"


@pytest.fixture(scope="module")
def dockerfile() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dockerfile", ROOT / ".ci" / "dockerfile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_image_imports_nothing_that_only_an_extra_installs(dockerfile: ModuleType) -> None:
    told = dockerfile.instructions((ROOT / "Dockerfile").read_text())
    [imports] = [json.loads(rest)[-1] for name, rest in told if name == "RUN" and "import_module" in rest]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS + imports], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_instruction_goes_on_over_comments_and_line_ends(dockerfile: ModuleType) -> None:
    text = 'ARG A=1\n\nRUN one \\\n# not a word\n && two\nENTRYPOINT ["a", "b"]\n'
    assert list(dockerfile.instructions(text)) == [
        ("ARG", "A=1"),
        ("RUN", "one  && two"),
        ("ENTRYPOINT", '["a", "b"]'),
    ]


def test_stages_are_folders_and_their_paths_lie_below_them(dockerfile: ModuleType, tmp_path: Path) -> None:
    text = (
        "FROM base AS builder\nWORKDIR /build\nENV WORD='one two'\nCOPY LICENSE ./\n"
        'RUN cp LICENSE /build/copied && echo "$WORD" > /build/said\n'
        'FROM base\nRUN useradd me\nCOPY --from=builder /build /kept\nENTRYPOINT ["/kept/program", "x"]\n'
    )
    stage = dockerfile.Build(tmp_path).run(text)
    assert (stage.folder / "kept/said").read_text() == "one two\n"
    assert (stage.folder / "kept/copied").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert stage.entrypoint == [f"{stage.folder}/kept/program", "x"]


def test_what_the_image_may_not_have_ends_it(dockerfile: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"COPY tests: \.dockerignore leaves it out"):
        dockerfile.Build(tmp_path).run("FROM base\nCOPY tests /tests\n")
    (tmp_path / "again").mkdir()
    with pytest.raises(SystemExit, match="HEALTHCHECK is not known here"):
        dockerfile.Build(tmp_path / "again").run("FROM base\nHEALTHCHECK NONE\n")
