"""Runs the program under a clock of the test's choosing: launch.py START SPEED ARGUMENT..."""

import sys
from datetime import datetime

from stockticker_async.cli import main
from stockticker_async.clock import Clock

if __name__ == "__main__":
    sys.exit(main(sys.argv[3:], Clock(start=datetime.fromisoformat(sys.argv[1]), speed=float(sys.argv[2]))))
