"""Writes sentences for a person to stderr."""

import sys


def say(text: str) -> None:
    """Write the text to stderr if possible. A closed stderr is not an error."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        # flushing its buffer at exit would fail again, and change the exit code
        sys.stderr = None
