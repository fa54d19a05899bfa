"""`read`: the sync, from a configuration, a catalog and states to Airbyte messages."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import Any

from stockticker_async.connector.command_context import Shell
from stockticker_async.connector.config import Config
from stockticker_async.connector.emitter import Emitter
from stockticker_async.marketdata.allowance_wait import OnWait
from stockticker_async.marketdata.calendar import CALENDAR_ENDS
from stockticker_async.marketdata.client import Client, open_client
from stockticker_async.streams.table import STREAMS
from stockticker_async.sync.failures import named
from stockticker_async.sync.job import Selected
from stockticker_async.sync.prepare import Reading, days_of, prepare
from stockticker_async.sync.preview import preview
from stockticker_async.sync.run import run
from stockticker_async.sync.windows import Days

_log = logging.getLogger(__name__)

_CALENDAR_NOTICE = timedelta(days=60)
"""Before the calendar ends: long enough to install another version."""


async def read(shell: Shell, config: Config, selected: Sequence[Selected], blobs: Mapping[str, Any]) -> int:
    """Sync the selected streams from the states in ``blobs``. Returns the exit code.

    Raises `ConfigError` for a state that cannot be read, before anything is asked or written.
    """
    days, readings = _prepared(shell, config, selected, blobs)
    for warning in config.warnings:
        _log.warning(warning)
    if days.today > CALENDAR_ENDS - _CALENDAR_NOTICE:
        _log.warning(
            "The exchange's calendar in this version ends on %s; later holidays count as sessions. Install a "
            "newer version.",
            CALENDAR_ENDS,
        )
    strange = [name for name in blobs if not any(stream.name == name for stream in STREAMS)]
    if strange:
        _log.warning("The state has streams that this source has not: %s. They are left out.", named(strange))

    def reach(on_wait: OnWait) -> AbstractAsyncContextManager[Client]:
        return open_client(config.settings, shell.clock, on_wait=on_wait)

    is_well = await run(config.job, reach, readings, days, clock=shell.clock, progress=shell.progress)
    return 0 if is_well else 1


async def plan(shell: Shell, config: Config, selected: Sequence[Selected], blobs: Mapping[str, Any]) -> int:
    """What `read` would ask of the API now, as LOG lines, without asking. Splits are not compared.

    Raises `ConfigError` as `read` does.
    """
    days, readings = _prepared(shell, config, selected, blobs)
    for text in preview(config.job, readings, days, allowance=config.settings.requests_per_minute):
        _log.info(text)
    return 0


def _prepared(
    shell: Shell, config: Config, selected: Sequence[Selected], blobs: Mapping[str, Any]
) -> tuple[Days, list[Reading]]:
    days = days_of(shell.clock, config.job)
    open_sink = partial(Emitter, shell=shell)
    found = [prepare(open_sink, config.job, one, blobs.get(one.stream.name), days) for one in selected]
    return days, found
