"""Judged bars to RECORD lines."""

from datetime import date

import orjson
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector import protocol
from stockticker_async.connector.bar_lines import session_price_lines
from stockticker_async.marketdata.bars import GroupedBar
from stockticker_async.marketdata.ticker_name import is_ticker

SESSION = date(2020, 12, 15)
tickers = st.text(min_size=1, max_size=24).filter(is_ticker)
closes = st.floats(0, 1e300)


@given(st.dictionaries(tickers, closes, max_size=20))
def test_each_line_of_a_session_is_byte_for_byte_the_line_of_its_message(session: dict[str, float]) -> None:
    bars = [
        GroupedBar(t=0, o=0.0, h=0.0, l=0.0, c=close, v=0.0, T=ticker) for ticker, close in session.items()
    ]
    lines = session_price_lines("stock_prices", bars, SESSION, emitted_at_ms=7)
    assert lines.count == len(session)
    rows = [
        {"date": "2020-12-15", "stock_ticker": ticker, "price": close} for ticker, close in session.items()
    ]
    wanted = [
        protocol.line({"type": "RECORD", "record": {"stream": "stock_prices", "data": row, "emitted_at": 7}})
        for row in rows
    ]
    assert lines.data == b"".join(wanted)
    assert [orjson.loads(line)["record"]["data"] for line in lines.data.splitlines()] == rows
