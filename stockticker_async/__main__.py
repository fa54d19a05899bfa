"""The program's entry: `python -m stockticker_async`, and the console script."""

import gc
import os
import signal
import sys


def main() -> None:
    # while the loop does not mind the signals, Ctrl-C ends the program quietly, not in a traceback;
    # where it is ignored (`nohup`, `&` in a script), it stays so
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # nothing that is imported is ever garbage; `cli` takes care of it from there
    try:
        from stockticker_async.connector.cli import main as run  # noqa: PLC0415 - after the lines above
    except (ImportError, MemoryError, OSError) as error:
        sys.exit(f"The program cannot be loaded: {type(error).__name__}: {error}")
    code = run(sys.argv[1:])
    # all is written, and whoever writes to stderr flushes: Python would only take itself apart, which is an
    # eighth of the time of `spec`
    os._exit(code)


if __name__ == "__main__":
    main()
