"""Reads the files named on the command line, with limits on bytes and time.

A file may also be a pipe (`--config <(...)`) or a device. A file that cannot be read, has no end or gives no
bytes raises a `ConfigError`, which never shows the content.
"""

import errno
import os
import select
import stat
from collections.abc import Iterator
from pathlib import Path

from stockticker_async.errors import ConfigError

MOST_BYTES = 16 * 1024 * 1024
"""The largest configuration or catalog: a thousand times a large one. States are read in such blocks."""
PATIENCE = 60.0
"""Seconds that a pipe may take to give its next bytes."""
_READ_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def whole(path: str, what: str, *, patience: float = PATIENCE) -> bytes:
    """Return the content without a byte order mark. Raises `ConfigError`, also above `MOST_BYTES`."""
    content = bytearray()
    for piece in _pieces(path, what, patience):
        content += piece
        if len(content) > MOST_BYTES:
            raise ConfigError(
                f"The {what} file {path} has more than {MOST_BYTES // 1024**2} MiB, which cannot be a {what}."
            )
    return _text(path, what, content)


def holds_something(path: str) -> bool:
    """Whether the path is a pipe, a file with more than white space, or unreadable (reading reports it)."""
    try:
        status = Path(path).stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= _READ_BYTES:
            return bool(Path(path).read_bytes().removeprefix(_BOM).strip())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return not stat.S_ISREG(status.st_mode) or status.st_size > 0


def blocks(
    path: str, what: str, *, patience: float = PATIENCE, most_bytes: int = MOST_BYTES
) -> Iterator[bytes]:
    """Yield a file of any size in blocks of whole lines; a file up to ``most_bytes`` is a single block.

    An incomplete last line is in one block with the line before it. Raises `ConfigError`.
    """
    rest = bytearray()
    first = True
    for piece in _pieces(path, what, patience):
        rest += piece
        if len(rest) <= most_bytes:
            continue
        end = rest.rfind(b"\n", 0, max(rest.rfind(b"\n"), 0)) + 1
        if not end:
            raise ConfigError(
                f"The {what} file {path} has a line of more than {most_bytes // 1024**2} MiB, which cannot "
                f"be a {what}."
            )
        yield _text(path, what, rest[:end]) if first else bytes(rest[:end])
        first = False
        del rest[:end]
    yield _text(path, what, rest) if first else bytes(rest)


def _text(path: str, what: str, content: bytearray) -> bytes:
    if content.startswith(_UTF_16):
        raise ConfigError(f"The {what} file {path} is not JSON: it is UTF-16. Save it as UTF-8.")
    text = bytes(content.removeprefix(_BOM))
    if not text.strip():
        raise ConfigError(f"The {what} file {path} is empty.")
    return text


def _pieces(path: str, what: str, patience: float) -> Iterator[bytes]:
    try:
        # non-blocking: opening a named pipe without a writer would block for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while piece := _piece(descriptor, patience):
                yield piece
        finally:
            os.close(descriptor)
    except TimeoutError:
        raise ConfigError(f"The {what} file {path} is a pipe that gave nothing for {patience:g} s.") from None
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
        raise ConfigError(f"The {what} file {path} cannot be read: {reason}.") from None
    except ValueError:
        raise ConfigError(f"The name of the {what} file is not a valid file name.") from None


def _piece(descriptor: int, patience: float) -> bytes:
    """Return the next bytes, empty at the end. Raises `TimeoutError` if a pipe gives none in time."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)  # files are always ready
    if not poller.poll(patience * 1000):
        raise TimeoutError
    return os.read(descriptor, _READ_BYTES)
