"""The program's entry: `python -m stockticker_async`, and the console script."""

import signal
import sys


def main() -> None:
    # until the loop minds the signals, Ctrl-C ends the program quietly, not in a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from stockticker_async.cli import main as run  # noqa: PLC0415 - after the line above

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
