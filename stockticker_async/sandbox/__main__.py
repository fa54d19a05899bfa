"""`python -m stockticker_async.sandbox`: the command by itself."""

import argparse
import asyncio
import sys

from stockticker_async.sandbox.command import add_arguments, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m stockticker_async.sandbox", description=__doc__)
    add_arguments(parser)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
