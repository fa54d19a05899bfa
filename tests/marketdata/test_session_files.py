"""The keys of flat files."""

from datetime import date

import pytest

from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.session_files import folder, has_files, key_of, session_of_key

MINUTE, DAY = BarSize(1, "minute"), BarSize()
SESSION = date(2025, 4, 15)


def test_a_key_names_its_session() -> None:
    assert key_of(MINUTE, SESSION) == "us_stocks_sip/minute_aggs_v1/2025/04/2025-04-15.csv.gz"
    assert key_of(DAY, SESSION) == "us_stocks_sip/day_aggs_v1/2025/04/2025-04-15.csv.gz"
    for bar in (MINUTE, DAY):
        assert session_of_key(key_of(bar, SESSION)) == SESSION
        assert key_of(bar, SESSION).startswith(folder(bar))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "us_stocks_sip/trades_v1/2025/04/2025-04-15.csv.gz",
        "us_stocks_sip/day_aggs_v1/2025/04/",
        "us_stocks_sip/day_aggs_v1/2025/04/2025-04-31.csv.gz",
        "us_stocks_sip/day_aggs_v1/2025/05/2025-04-15.csv.gz",
        "us_stocks_sip/day_aggs_v1/2025/04/2025-04-15.csv",
    ],
)
def test_other_objects_of_the_bucket_name_none(key: str) -> None:
    assert session_of_key(key) is None


def test_files_have_bars_of_a_day_and_of_a_minute_only() -> None:
    assert [has_files(bar) for bar in (MINUTE, DAY, BarSize(5, "minute"), BarSize(1, "hour"))] == [
        True,
        True,
        False,
        False,
    ]
