"""The only code that writes to stderr: sentences for a person, wherever one may read them."""

import sys


def say(text: str) -> None:
    """Write it, if stderr takes it. That nobody can be told is no reason to fail."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        # what it still holds would fail once more when Python ends, and change the exit code
        sys.stderr = None
