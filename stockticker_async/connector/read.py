"""`read`: a sync from a configuration, a configured catalog and states to Airbyte messages."""

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial

from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.config import Config
from stockticker_async.connector.emitter import Emitter
from stockticker_async.marketdata.allowance_wait import OnWait
from stockticker_async.marketdata.calendar import CALENDAR_ENDS
from stockticker_async.marketdata.client import Client, open_client
from stockticker_async.streams.table import STREAMS
from stockticker_async.sync.failures import name_list
from stockticker_async.sync.job import SelectedStream, StreamStates
from stockticker_async.sync.prepare import PreparedStream, days_of, prepare
from stockticker_async.sync.run import run
from stockticker_async.sync.windows import Days

_log = logging.getLogger(__name__)

_CALENDAR_NOTICE = timedelta(days=60)
"""Time before the end of the calendar from which each sync warns: enough to install a new version."""


async def read(
    context: CommandContext, config: Config, selected: Sequence[SelectedStream], states: StreamStates
) -> int:
    """Sync the selected streams from ``states``. Returns the exit code.

    Raises `ConfigError` for an unreadable state, before any call and any message.
    """
    days, streams = _prepared(context, config, selected, states)
    for warning in config.warnings:
        _log.warning(warning)
    if days.today > CALENDAR_ENDS - _CALENDAR_NOTICE:
        _log.warning(
            "The exchange's calendar in this version ends on %s; later holidays count as sessions. Install a "
            "newer version.",
            CALENDAR_ENDS,
        )
    strange = [name for name in states if not any(stream.name == name for stream in STREAMS)]
    if strange:
        _log.warning(
            "The state has streams that this source does not have: %s. They are ignored.", name_list(strange)
        )

    def reach(on_wait: OnWait) -> AbstractAsyncContextManager[Client]:
        return open_client(config.settings, context.clock, on_wait=on_wait)

    is_well = await run(config.job, reach, streams, days, clock=context.clock, progress=context.progress)
    return 0 if is_well else 1


async def preview(
    context: CommandContext, config: Config, selected: Sequence[SelectedStream], states: StreamStates
) -> int:
    """Log the calls that `read` would make now, without a call. Splits are not compared.

    Returns the exit code. Raises `ConfigError` as `read` does.
    """
    from stockticker_async.sync.preview import preview_lines  # noqa: PLC0415 - only `--plan` needs it

    days, streams = _prepared(context, config, selected, states)
    for text in preview_lines(config.job, streams, days, allowance=config.settings.requests_per_minute):
        _log.info(text)
    return 0


def _prepared(
    context: CommandContext, config: Config, selected: Sequence[SelectedStream], states: StreamStates
) -> tuple[Days, list[PreparedStream]]:
    days = days_of(context.clock, config.job)
    open_sink = partial(Emitter, context=context)
    found = [prepare(open_sink, config.job, one, states.get(one.stream.name), days) for one in selected]
    return days, found
