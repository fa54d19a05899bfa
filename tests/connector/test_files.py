"""The files of the command line: pipes, devices, folders, and what is too large or no text."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.connector import files
from stockticker_async.errors import ConfigError

IMPATIENT = 0.01
NOBODY = 65_534


def refused(path: Path | str, *, patience: float = files.PATIENCE) -> str:
    with pytest.raises(ConfigError) as caught:
        files.whole(str(path), "config", patience=patience)
    with pytest.raises(ConfigError) as again:
        list(files.blocks(str(path), "config", patience=patience))
    assert caught.value.message == again.value.message or "MiB" in again.value.message
    return caught.value.message


@contextmanager
def written(content: bytes) -> Iterator[str]:
    """The name of a pipe that somebody else writes this into, as a shell's ``<(...)``."""
    reader, writer = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(writer, "wb", buffering=0) as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)  # a writer that was not read to the end ends, too
        thread.join()


@pytest.mark.parametrize("size_bytes", [1, 65_536, 3_000_000])
def test_a_pipe_is_read_to_its_end(size_bytes: int) -> None:
    with written(b"x" * size_bytes) as name:
        assert files.whole(name, "config") == b"x" * size_bytes


@pytest.mark.fault("named pipe without a writer")
def test_a_pipe_without_a_writer_does_not_hold_the_program(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    assert "gave nothing for 0.01 s" in refused(path, patience=IMPATIENT)


def test_a_pipe_whose_writer_says_nothing_does_not_hold_the_program() -> None:
    reader, writer = os.pipe()
    try:
        assert "gave nothing" in refused(f"/dev/fd/{reader}", patience=IMPATIENT)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_file_of_somebody_else_s_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"{}")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)  # nothing is unreadable for root
    try:
        assert "cannot be read: Permission denied" in refused(path)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (".", "cannot be read: Is a directory"),
        ("none.json", "cannot be read: No such file"),
        ("x" * 5000, "cannot be read: File name too long"),
        ("a\0b", "is not a valid file name"),
        ("/dev/null", "is empty"),
        ("/dev/zero", "has more than 16 MiB"),
        ("/proc/self/mem", "cannot be read: Input/output error"),
        ("empty", "is empty"),
        ("mark", "is empty"),
        ("blank", "is empty"),
        ("utf-16", "is UTF-16. Save it as UTF-8"),
    ],
)
@pytest.mark.fault("unusable file")
def test_what_is_no_file_is_told(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "mark").write_bytes(b"\xef\xbb\xbf")
    (tmp_path / "blank").write_bytes(b" \n\t\r\n")
    (tmp_path / "utf-16").write_text("{}", "utf-16")
    assert told in refused(tmp_path / name)


@pytest.mark.fault("byte order mark")
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert files.whole(str(path), "config") == b"{}"
    assert list(files.blocks(str(path), "config")) == [b"{}"]


@pytest.mark.fault("file of a gigabyte")
def test_a_file_of_a_gigabyte_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1024**3)  # a hole, which takes no room
    assert "more than 16 MiB" in refused(path)


def test_a_state_of_one_endless_line_is_refused() -> None:
    assert "has a line of more than 16 MiB" in refused_blocks("/dev/zero")


def refused_blocks(path: str) -> str:
    with pytest.raises(ConfigError) as caught:
        list(files.blocks(path, "state"))
    return caught.value.message


@settings(max_examples=50)
@given(st.integers(0, 5), st.integers(2, 60_000), st.booleans())
@pytest.mark.fault("large state")
def test_blocks_are_the_file_in_whole_lines(more: int, line_bytes: int, half: bool) -> None:  # noqa: FBT001 - drawn
    most_bytes = 100_000
    count = (more * most_bytes + 100) // line_bytes + 1
    content = (b"y" * (line_bytes - 1) + b"\n") * count + b"half" * half
    with written(content) as name:
        blocks = list(files.blocks(name, "state", most_bytes=most_bytes))
    assert b"".join(blocks) == content
    assert len(blocks) == 1 or len(content) > most_bytes
    for block in blocks[:-1]:
        assert block.endswith(b"\n")
    assert b"\n" in blocks[-1]
