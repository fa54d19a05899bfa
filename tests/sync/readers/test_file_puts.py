"""The rows of a file as a sink takes them: the same for few tickers as for all."""

from flat_files import LAST, bucket_at, minutes, read_minutes, records
from support import Rows, Run


def as_rows(run: Run) -> Rows:
    return {(row["stock_ticker"], row["timestamp"]): row for row in records(run)}


async def test_some_tickers_of_a_file_have_the_rows_that_all_of_it_has() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        whole = as_rows(await read_minutes(sandbox, start_date=LAST))
        assert whole == minutes(sandbox, LAST, LAST)
        names = ("AAA", "BBB", "TSLA")
        some = await read_minutes(sandbox, names, start_date=LAST, requests_per_minute=1)
        assert as_rows(some) == {key: row for key, row in whole.items() if key[0] in names}
