"""Asks pip-audit whether a vulnerability is known of anything that is pinned.

    python .ci/audit.py -r LOCK [-r LOCK ...]

Exit 1 where one is known, or a lock file is not fully pinned. A database that cannot be reached is no
finding, and is told as skipped. Hashes, and the agreement of the lock files, are for
tests/repository/test_project.py.
"""

import json
import subprocess
import sys
from collections.abc import Sequence

# OSV, since the default service takes a mirror that knows no package for "no known vulnerabilities".
_SERVICE = ("--vulnerability-service", "osv")
_HASHED = ("--require-hashes", "--disable-pip")
_OUTPUT = ("--format", "json", "--progress-spinner", "off")
_UNREACHED = ("Traceback", "Could not connect")
"""What pip-audit writes when the service fails; its own refusals are one line."""


def main(arguments: Sequence[str]) -> int:
    """Print what is known; the exit code. Further arguments are pip-audit's own."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *_SERVICE, *_HASHED, *_OUTPUT, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.strip():
        reason = done.stderr.strip().rpartition("\n")[2]
        if any(sign in done.stderr for sign in _UNREACHED):
            print(f"vulnerabilities: skipped: no vulnerability database reachable ({reason})")
            return 0
        print(f"WRONG: {reason}")
        return 1
    pins = json.loads(done.stdout)["dependencies"]
    known = [(pin, found) for pin in pins for found in pin["vulns"]]
    print(f"vulnerabilities: {len(known) or 'none'} known, {len(pins)} pins asked for")
    for pin, found in known:
        print(f"WRONG: {pin['name']} {pin['version']} has the vulnerability {found['id']}")
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
