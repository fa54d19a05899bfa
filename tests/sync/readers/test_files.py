"""The bucket of a family: listed once, before its files are read, and by no sync that wants none."""

from flat_files import FIRST, LAST, bucket_at, minutes, read_minutes, read_prices, rows_once, sessions_read
from support import Run


def listings(run: Run) -> int:
    return sum(call.path == "/flatfiles" for call in run.calls)


async def test_the_bucket_is_listed_once_and_each_file_fetched_once() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        run = await read_minutes(sandbox)
        assert run.code == 0
        assert sorted(rows_once(run)) == sorted(minutes(sandbox, FIRST, LAST))
        assert listings(run) == 1
        assert sorted(sessions_read(run)) == [FIRST, LAST]


async def test_adjusted_bars_list_no_bucket() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        run = await read_prices(sandbox, adjusted=True)
        assert run.code == 0
        assert (listings(run), sessions_read(run)) == (0, [])
