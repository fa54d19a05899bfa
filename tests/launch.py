"""Runs the program under a clock of the test's choosing: launch.py START SPEED ARGUMENT..."""

import sys
from datetime import datetime

from stockticker_async.clock import Clock
from stockticker_async.connector.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[3:], Clock(start=datetime.fromisoformat(sys.argv[1]), speed=float(sys.argv[2]))))
