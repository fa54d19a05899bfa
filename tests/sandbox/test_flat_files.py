"""The files of the bucket: published in time, the same at all times, of the size that is listed."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.asker import NOON
from sandbox.s3_asker import DAY_FILE, MINUTE_FILE, S3Asker, opened_bucket, texts

from stockticker_async.sandbox.bucket.file_keys import FIRST_SESSION, KINDS, key_of
from stockticker_async.sandbox.data.publication import published
from stockticker_async.sandbox.data.sessions import NEW_YORK, is_session, sessions
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault

NUMBERS = ("volume", "open", "close", "high", "low", "transactions")


async def test_files_and_the_api_tell_the_same_bars() -> None:
    async with opened_bucket() as s3:
        for key, timespan in ((DAY_FILE, "day"), (MINUTE_FILE, "minute")):
            path = f"/v2/aggs/ticker/TSLA/range/1/{timespan}/2020-12-21/2020-12-21"
            bars = await s3.asker.all_rows(path, adjusted="false", limit="50000")
            rows = [row for row in await s3.rows(key) if row["ticker"] == "TSLA"]
            assert bars
            assert [[bar["t"] * 1_000_000, *(bar[name] for name in "vochln")] for bar in bars] == [
                [int(row["window_start"]), *(float(row[name]) for name in NUMBERS)] for row in rows
            ]


async def test_a_day_file_has_the_rows_of_a_grouped_call() -> None:
    async with opened_bucket(universe=300, now=datetime(2022, 3, 8, 17, tzinfo=UTC)) as s3:
        path = "/v2/aggs/grouped/locale/us/market/stocks/2022-03-07"
        grouped = (await s3.asker.get(path, adjusted="false", include_otc="true")).rows
        rows = await s3.rows("us_stocks_sip/day_aggs_v1/2022/03/2022-03-07.csv.gz")
        assert any(row.get("otc") for row in grouped)
        assert {(row["T"], float(row["c"]), float(row["v"])) for row in grouped} == {
            (row["ticker"], float(row["close"]), float(row["volume"])) for row in rows
        }


async def test_a_split_that_comes_is_in_the_files_as_in_the_api() -> None:
    async with opened_bucket() as s3:
        s3.asker.sandbox.add_split("IBM", date(2020, 12, 23), 1, 40)
        s3.asker.sandbox.clock.set(NOON + timedelta(days=6))
        closes = []
        for day in ("2020-12-21", "2020-12-22", "2020-12-23", "2020-12-24"):
            key = f"us_stocks_sip/minute_aggs_v1/2020/12/{day}.csv.gz"
            path = f"/v2/aggs/ticker/IBM/range/1/minute/{day}/{day}"
            bars = await s3.asker.all_rows(path, adjusted="false", limit="50000")
            rows = [row for row in await s3.rows(key) if row["ticker"] == "IBM"]
            assert [(bar["c"], bar["v"]) for bar in bars] == [
                (float(row["close"]), float(row["volume"])) for row in rows
            ]
            head = await s3.get(key, method="HEAD")
            assert int(head.headers["Content-Length"]) == len((await s3.get(key)).body)
            closes.append(bars[-1]["c"])
        assert 30 < closes[1] / closes[2] < 50


async def listed(s3: S3Asker, prefix: str) -> list[str]:
    return [key[-17:-7] for key in texts(await s3.listing(prefix=prefix), "Contents", "Key")]


async def test_the_day_file_comes_in_the_evening_and_the_minute_file_until_eleven() -> None:
    async with opened_bucket() as s3:

        async def at(hour: int, day: int = 21) -> tuple[bool, bool]:
            s3.asker.sandbox.clock.set(datetime(2020, 12, day, hour, tzinfo=NEW_YORK))
            there = [(await s3.get(key)).status == 200 for key in (DAY_FILE, MINUTE_FILE)]
            seen = [
                "2020-12-21" in await listed(s3, f"us_stocks_sip/{kind}_aggs_v1/2020/12/") for kind in KINDS
            ]
            assert there == seen
            return there[0], there[1]

        assert await at(20) == (False, False)
        assert await at(23) == (True, False)
        assert await at(11, 22) == (True, True)


@given(
    st.integers(0, 9),
    st.dates(date(2003, 9, 10), date(2030, 1, 1)).filter(lambda day: is_session(day.toordinal())),
)
def test_files_are_published_within_their_hours(seed: int, day: date) -> None:
    evening = datetime.combine(day, datetime.min.time(), NEW_YORK) + timedelta(hours=20)
    moments = [datetime.fromtimestamp(published(seed, kind, day.toordinal()), NEW_YORK) for kind in KINDS]
    assert evening < moments[0] < evening + timedelta(hours=4)
    assert moments[0] < moments[1] < evening + timedelta(hours=15)


async def test_there_is_a_file_for_every_session_and_for_no_other_day() -> None:
    async with opened_bucket() as s3:
        days = [date.fromordinal(day).isoformat() for day in sessions(FIRST_SESSION, NOON.toordinal() - 1)]
        for kind in KINDS:
            prefix = f"us_stocks_sip/{kind}_aggs_v1/"
            found = [day for year in range(2003, 2021) for day in await listed(s3, f"{prefix}{year}/")]
            assert found == days


async def test_sessions_that_are_held_back_have_no_files() -> None:
    async with opened_bucket(unpublished=1) as s3:
        for day, status in (("18", 200), ("21", 404)):
            assert (await s3.get(DAY_FILE.replace("-21", f"-{day}"))).status == status
        assert (await listed(s3, "us_stocks_sip/day_aggs_v1/2020/12/"))[-1] == "2020-12-18"


async def test_a_file_is_the_same_in_every_sandbox_of_a_seed() -> None:
    async def seen(seed: int) -> list[tuple[str, bytes]]:
        async with opened_bucket(seed=seed) as s3:
            replies = [await s3.get(key) for key in (DAY_FILE, MINUTE_FILE)]
            return [(reply.headers["ETag"], reply.body) for reply in replies]

    first, again, other = await seen(1), await seen(1), await seen(2)
    assert first == again
    assert len({*first, *other}) == 4


async def test_a_file_is_made_once_for_simultaneous_requests() -> None:
    sandbox = Sandbox(Options(universe=60, now=NOON, speed=0.0))
    stored = await sandbox.files.find(MINUTE_FILE)
    assert stored is not None
    contents = await asyncio.gather(*(sandbox.files.content(stored) for _ in range(5)))
    assert len({id(content) for content in contents}) == 1
    assert await sandbox.files.content(stored) is contents[0]


async def test_a_request_that_gives_up_does_not_undo_the_work_of_others() -> None:
    sandbox = Sandbox(Options(universe=60, now=NOON, speed=0.0))
    stored = await sandbox.files.find(MINUTE_FILE)
    assert stored is not None
    first, second = (asyncio.create_task(sandbox.files.content(stored)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert len(await second) == stored.size
    await sandbox.close()


@settings(deadline=None, max_examples=12)
@given(
    st.integers(0, 99),
    st.integers(1, 150),
    st.sampled_from(KINDS),
    st.sampled_from(sessions(FIRST_SESSION, NOON.toordinal() - 7)),
)
async def test_the_listed_size_is_the_size(seed: int, universe: int, kind: str, day: int) -> None:
    sandbox = Sandbox(Options(seed=seed, universe=universe, now=NOON, speed=0.0))
    stored = await sandbox.files.find(key_of("day" if kind == "day" else "minute", day).text)
    assert stored is not None
    assert len(await sandbox.files.content(stored)) == stored.size


async def test_the_least_used_content_is_forgotten() -> None:
    sandbox = Sandbox(Options(universe=60, now=NOON, speed=0.0))
    keys = [DAY_FILE, *(DAY_FILE.replace("-21", f"-{day}") for day in (18, 17))]
    files = [stored for key in keys if (stored := await sandbox.files.find(key))]
    sandbox.files.kept_bytes = 2 * files[0].size
    first = [await sandbox.files.content(stored) for stored in files]
    again = [await sandbox.files.content(stored) for stored in reversed(files)]
    assert again == first[::-1]
    assert [one is other for one, other in zip(again, first[::-1], strict=True)] == [True, True, False]


async def test_a_late_file_comes_later() -> None:
    async with opened_bucket() as s3:
        sandbox = s3.asker.sandbox
        usual = parsedate_to_datetime((await s3.get(MINUTE_FILE)).headers["Last-Modified"])
        sandbox.faults.add(Fault(kind="file", match="minute.*2020-12-21", change="late", seconds=40 * 3600))
        assert (await s3.get(MINUTE_FILE)).status == 404
        assert (await s3.get(DAY_FILE)).status == 200
        sandbox.clock.advance(40 * 3600)
        late = parsedate_to_datetime((await s3.get(MINUTE_FILE)).headers["Last-Modified"])
        assert late - usual == timedelta(hours=40)


async def test_a_missing_file_never_comes() -> None:
    async with opened_bucket() as s3:
        s3.asker.sandbox.faults.add(Fault(kind="file", match="day.*2020-12-18", change="missing"))
        days = await listed(s3, "us_stocks_sip/day_aggs_v1/2020/12/")
        assert days[-2:] == ["2020-12-17", "2020-12-21"]
        assert (await s3.get(DAY_FILE.replace("-21", "-18"))).status == 404
        s3.asker.sandbox.faults.clear()
        assert (await s3.get(DAY_FILE.replace("-21", "-18"))).status == 200
