"""Day bars from files, and what a stream wants of a file; whole syncs are in whole/test_flat_files.py."""

from flat_files import LAST, bucket_at, file_calls, of_file, prices, read_prices, sessions_read
from support import BARS, BOTH, PRICES, rows_of, sync, truth

from stockticker_async.sandbox.service.faults import Fault


async def test_prices_of_the_market_come_from_day_files() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        run = await read_prices(sandbox, start_date="2020-12-14")
        assert len(sessions_read(run)) == 6
        assert run.paths("/grouped/") == []
        assert rows_of(PRICES, run) == prices(sandbox, "2020-12-14", LAST)


async def test_a_day_without_a_file_is_asked_of_the_api() -> None:
    async with bucket_at("2020-12-22") as sandbox:
        sandbox.faults.add(Fault(kind="file", change="missing", match="day.*2020-12-(16|21)"))
        run = await read_prices(sandbox, start_date="2020-12-14")
        assert len(sessions_read(run)) == 4
        assert [path[-10:] for path in run.paths("/grouped/")] == ["2020-12-16", "2020-12-21"]
        assert rows_of(PRICES, run) == prices(sandbox, "2020-12-14", LAST)
        assert run.cursors(PRICES) == {"*": LAST}


async def test_bars_come_from_day_files_only_where_calls_are_rationed() -> None:
    async with bucket_at("2020-12-22", hour=6) as sandbox:
        names = [one.ticker for one in sandbox.market.universe if not one.otc]
        for allowance, files in ((None, 0), (100, 1)):
            keys = {
                "access_key_id": sandbox.options.access_key_id,
                "secret_access_key": sandbox.options.secret_access_key,
                "endpoint": sandbox.url,
            }
            run = await sync(
                sandbox,
                "*",
                start_date=LAST,
                adjusted=False,
                flat_files=keys,
                requests_per_minute=allowance,
            )
            assert len(file_calls(run)) == files
            for stream in BOTH:
                rows = truth(sandbox, stream, names, LAST, LAST, adjusted=False)
                assert rows_of(stream, run) == (of_file(rows) if files and stream == BARS else rows)


async def test_a_file_is_read_again_only_if_it_was_replaced() -> None:
    async with bucket_at("2020-12-22", hour=6) as sandbox:
        first = await read_prices(sandbox, end_date=None)
        again = await read_prices(sandbox, end_date=None, before=first)
        assert (sessions_read(again), again.records(PRICES)) == ([], [])
        sandbox.faults.add(Fault(kind="file", change="touched", match=LAST))
        third = await read_prices(sandbox, end_date=None, before=again)
        assert sessions_read(third) == [LAST]
