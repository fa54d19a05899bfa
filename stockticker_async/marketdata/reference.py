"""Looks up tickers in the API's reference."""

from datetime import date
from typing import Any

import msgspec

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.call_limits import SIDE_PATIENCE
from stockticker_async.marketdata.client import Client
from stockticker_async.marketdata.endpoints import details_path
from stockticker_async.marketdata.responses import Missing


class _Details(msgspec.Struct):
    results: dict[str, Any]


async def is_known(client: Client, ticker: str, on: date | None) -> bool:
    """Whether the reference has the ticker, listed now or on a day (then also delisted tickers).

    True if the plan or a proxy has no reference. Raises `BadPageError`.
    """
    match await client.get(details_path(ticker, on), _decode, patience=SIDE_PATIENCE):
        case Missing(no_route):
            return no_route
        case _:
            return True


def _decode(body: bytes) -> _Details:
    try:
        return msgspec.json.decode(body, type=_Details)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise BadPageError("the reference answered in an unknown form.", detail=str(fault)) from fault
