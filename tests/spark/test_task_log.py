"""The log of a task."""

import logging

import pytest

from stockticker_async.spark import task_log


def test_messages_go_to_stderr_once_and_to_handlers_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("alone of this test")
    logger.propagate = False
    monkeypatch.setattr(task_log, "LOGGER", logger)
    task_log.begin()
    task_log.begin()
    assert len(logger.handlers) == 1
    logger.info("3 calls")
    assert capsys.readouterr().err == "stockticker: INFO: 3 calls\n"
