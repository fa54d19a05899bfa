"""Audits what is pinned: every pin has hashes, all locks agree, and no database knows a vulnerability of it.

    python .ci/audit.py LOCK...

Exit 1 where something is wrong. A database that cannot be reached is no finding, and is told as skipped.
Versions that were taken back (yanked) are told by pip itself, whenever it installs them.
"""

import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

# the open database of vulnerabilities: https://google.github.io/osv.dev/post-v1-querybatch (read 2026-11)
DATABASE = "https://api.osv.dev/v1/querybatch"
_SECONDS = 10.0  # for the one request; nobody waits longer for an answer that may be skipped
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<rest>.*(?:\n[ \t].*)*)", re.MULTILINE
)
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")

Pins = Mapping[str, str]
"""Versions by name."""


def main(paths: Sequence[str]) -> int:
    """Print what was found; the exit code."""
    faults, locks = [], {}
    for path in paths:
        pins, wrong = read(Path(path).read_text())
        locks[path] = pins
        faults += [f"{path}: {text}" for text in wrong]
    faults += disagreements(locks)
    if not faults:
        counts = ", ".join(f"{len(pins)} in {path}" for path, pins in locks.items())
        print(f"pins: {counts}; all with hashes, and of one version")
    union = {name: version for pins in locks.values() for name, version in pins.items()}
    try:
        known = list(vulnerabilities(union, os.environ.get("AUDIT_DATABASE", DATABASE)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(
            f"vulnerabilities: skipped: no vulnerability database reachable ({type(error).__name__}: {error})"
        )
    else:
        faults += known
        print(f"vulnerabilities: {len(known) or 'none'} known, {len(union)} pins asked for")
    for text in faults:
        print(f"WRONG: {text}")
    return 1 if faults else 0


def read(text: str) -> tuple[Pins, list[str]]:
    """The pins of a lock file, and what is wrong with it."""
    pins = {found["name"].lower(): found["version"] for found in _PIN.finditer(text)}
    wrong = [
        f"{found['name']} has no hash" for found in _PIN.finditer(text) if not _HASH.search(found["rest"])
    ]
    wrong += [
        f"not a pin: {line}"
        for line in text.splitlines()
        if line.strip() and not line.startswith((" ", "\t", "#")) and not _PIN.match(line)
    ]
    return pins, wrong if pins else [*wrong, "nothing is pinned"]


def disagreements(locks: Mapping[str, Pins]) -> list[str]:
    """Names that stand in several locks with different versions."""
    versions: dict[str, set[str]] = {}
    for pins in locks.values():
        for name, version in pins.items():
            versions.setdefault(name, set()).add(version)
    return [
        f"{name} is pinned to {' and to '.join(sorted(found))}"
        for name, found in sorted(versions.items())
        if len(found) > 1
    ]


def vulnerabilities(pins: Pins, database: str) -> Iterator[str]:
    """What the database knows. Raises OSError, ValueError, KeyError or TypeError where it cannot be asked."""
    names = sorted(pins)
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": pins[name]} for name in names]
    request = urllib.request.Request(  # noqa: S310 - the scheme is ours, or the tests'
        database, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 - as above
        results = json.load(response)["results"]
    if len(results) != len(names) or not all(isinstance(one, dict) for one in results):
        raise ValueError("the database answers in another form")
    for name, result in zip(names, results, strict=True):
        for one in result.get("vulns", ()):
            yield f"{name} {pins[name]} has the vulnerability {one['id']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
