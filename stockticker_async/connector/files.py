"""The files that the command line names: read within bounds of bytes and of time.

A file may as well be a pipe (`--config <(...)`) or a device. One that cannot be read, has no end or
gives nothing is a `ConfigError`, which never shows what is in it.
"""

import errno
import os
import select
import stat
from collections.abc import Iterator
from pathlib import Path

from stockticker_async.errors import ConfigError

MOST_BYTES = 16 * 1024 * 1024
"""The most of a configuration or a catalog: a thousand times a large one. A state is read in such blocks."""
PATIENCE = 60.0
"""Seconds that a pipe may take to give its next bytes."""
_READ_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def whole(path: str, what: str, *, patience: float = PATIENCE) -> bytes:
    """All of a file of at most `MOST_BYTES`, without a byte order mark. Raises `ConfigError`."""
    content = bytearray()
    for piece in _pieces(path, what, patience):
        content += piece
        if len(content) > MOST_BYTES:
            raise ConfigError(
                f"The {what} file {path} has more than {MOST_BYTES // 1024**2} MiB, which cannot be a {what}."
            )
    return _text(path, what, content)


def holds_something(path: str) -> bool:
    """Whether there is a pipe, or a file of more than white space; faults are told when it is read."""
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
    """A file of any size in blocks of whole lines; one of at most ``most_bytes`` is a single block.

    A last half line comes in one block with the line before it. Raises `ConfigError`.
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
        # without waiting: a named pipe that nobody writes to would hold the program for ever
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
        raise ConfigError(f"The name of the {what} file cannot be that of a file.") from None


def _piece(descriptor: int, patience: float) -> bytes:
    """The next bytes; none at the end. Raises `TimeoutError` when a pipe gives neither."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)  # files are always ready
    if not poller.poll(patience * 1000):
        raise TimeoutError
    return os.read(descriptor, _READ_BYTES)
