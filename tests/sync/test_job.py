"""What a sync has to read: tickers, or the whole market in their place."""

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob


@given(st.lists(st.text("ABC", min_size=1, max_size=3), unique=True))
def test_a_job_without_tickers_is_of_the_whole_market_and_of_nothing_else(tickers: list[str]) -> None:
    job = SyncJob(tuple(tickers))
    assert job.whole_market is (not tickers)
    assert job.names == (tuple(tickers) or (WHOLE_MARKET,))
    assert (WHOLE_MARKET in job.names) is job.whole_market


def test_what_is_not_said_is_the_documented_default() -> None:
    job = SyncJob(("TSLA",))
    assert (job.start_date, job.end_date, job.adjusted, job.bar) == (None, None, True, ONE_DAY)
    assert (job.include_otc, job.lookback_days) == (False, 1)
