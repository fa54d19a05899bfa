"""The processes of this machine, as the kernel tells of them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path


def parents() -> dict[int, int]:
    """The parent of each process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        found[int(path.parent.name)] = int(after[1])
    return found


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def descendants(pid: int) -> Iterator[int]:
    """The children of a process, and theirs."""
    of = parents()
    found = {pid}
    for _ in range(8):
        found |= {child for child, parent in of.items() if parent in found}
    yield from found - {pid}


def python_workers(pid: int) -> list[int]:
    """The processes below ``pid`` in which Spark runs tasks: forks of a daemon."""
    below = [one for one in descendants(pid) if command(one).endswith("pyspark.daemon pyspark.worker")]
    of = parents()
    return [one for one in below if of.get(one) in below]


def wait_until(true: Callable[[], object], seconds: float = 300) -> None:
    """Look again and again, as nobody tells of it. Raises TimeoutError."""
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.05)  # no process tells that its children have begun, or a file that it has grown
