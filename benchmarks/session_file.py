"""Minute files of a market, made before they are asked for: 11,000 tickers have some 2 million rows."""

import gzip
import io
from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

SESSION = date(2021, 3, 5)
"""Before files had OTC stocks, so that a read is the file alone."""
ETAG = '"2c26b46b68ffc68ff99b453c1d304134"'
_MINUTES = 960


def key_of(session: date) -> str:
    return f"us_stocks_sip/minute_aggs_v1/{session:%Y/%m}/{session}.csv.gz"


KEY = key_of(SESSION)


def sessions(count: int) -> list[date]:
    """So many sessions, up to the last one."""
    days = (SESSION - timedelta(days=number) for number in range(2 * count + 2))
    return sorted(day for day in days if day.weekday() < 5)[-count:]


@cache
def content(tickers: int, session: date = SESSION) -> bytes:
    """The packed file. A few tickers have every minute, most have some tens, as in published files."""
    random = Random(7)  # noqa: S311 - the same rows every time
    opens = datetime.combine(session, time(4), ZoneInfo("America/New_York"))
    begin = int(opens.timestamp()) * 10**9
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as file:
        file.write(b"ticker,volume,open,close,high,low,window_start,transactions\n")
        for number in range(tickers):
            count = min(_MINUTES, int(random.paretovariate(0.9) * 40))
            price = random.randint(100, 30_000)
            lines = []
            for minute in sorted(random.sample(range(_MINUTES), count)):
                price = max(100, price + random.randint(-5, 5))
                volume = f"{random.randint(100, 90_000)}" + (".25" if random.random() < 0.05 else "")
                lines.append(
                    f"TK{number:05},{volume},{price / 100},{(price + 1) / 100},{(price + 3) / 100},"
                    f"{(price - 2) / 100},{begin + minute * 60 * 10**9},{random.randint(1, 900)}\n"
                )
            file.write("".join(lines).encode())
    return packed.getvalue()


def bucket(tickers: int, count: int = 1) -> str:
    """The name of the bucket whose files, of so many sessions, have so many tickers each."""
    return f"files-{tickers}" if count == 1 else f"files-{tickers}-{count}"


def listing(tickers: int, count: int = 1) -> str:
    """The answer of S3 to a list of the bucket."""
    objects = (
        f"<Contents><Key>{key_of(session)}</Key><Size>{len(content(tickers, session))}</Size>"
        f"<ETag>{ETAG}</ETag><LastModified>2021-03-06T11:00:00.000Z</LastModified></Contents>"
        for session in sessions(count)
    )
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>flatfiles</Name>'
        f"<IsTruncated>false</IsTruncated>{''.join(objects)}</ListBucketResult>"
    )
