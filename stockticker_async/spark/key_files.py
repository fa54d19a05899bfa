"""The texts of files with keys, on the machine that this code runs on: driver or executor."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeyText:
    """What a file holds; ``repr`` does not show it."""

    text: str = field(repr=False)


def read_key_file(option: str, name: str) -> KeyText | str:
    """Return the text of the file that an option names, or a sentence that says why it cannot be read."""
    try:
        return KeyText(_path(name).read_text().strip())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        return f"The option {option} names {name[:120]!r}, which cannot be read: {reason}."


def _path(name: str) -> Path:
    """A file of this machine, or one that Spark has brought here (``spark.files``, ``addFile``)."""
    path = Path(name)
    if path.is_absolute() or path.exists():
        return path
    from pyspark import SparkFiles  # noqa: PLC0415 - pyspark takes a second

    return Path(SparkFiles.get(name))
