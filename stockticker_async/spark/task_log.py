"""Logging in Spark's Python processes: to stderr, which is the log of a task, or of the driver."""

import logging
import sys

LOGGER = logging.getLogger("stockticker_async")


def begin() -> None:
    """Show messages from INFO on, unless the process has set up logging itself."""
    LOGGER.setLevel(logging.INFO)
    if not LOGGER.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("stockticker: %(levelname)s: %(message)s"))
        LOGGER.addHandler(handler)
