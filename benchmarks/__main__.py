"""`make bench`: each benchmark in turn, or those named. Ratios, measured side by side in one run."""

import argparse
import platform
import sys

from benchmarks import latency

_BENCHMARKS = {"latency": latency.run}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[[], *_BENCHMARKS], help="default: all")
    names = parser.parse_args().names or list(_BENCHMARKS)
    print(f"# {platform.platform()}, Python {platform.python_version()}")
    for name in names:
        _BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
