"""The library: `library.py URL TICKERS FIRST LAST`, minute bars to one table.

With `--held` it tells, too, how long its loop was held (see `benchmarks/held.py`); with `--batches` it takes
batch after batch, and keeps none.
"""

import asyncio
import sys
from pathlib import Path

import stockticker_async as st


async def batches(base: str, tickers: str, first: str, last: str) -> int:
    rows = 0
    async with st.open(api_key="none", base_url=base, requests_per_minute=1_000_000) as market:
        async for batch in market.bars(tickers, start=first, end=last, timespan="minute"):
            rows += batch.num_rows
    return rows


def table(base: str, tickers: str, first: str, last: str) -> int:
    found = st.bars(
        tickers,
        start=first,
        end=last,
        timespan="minute",
        api_key="none",
        base_url=base,
        requests_per_minute=1_000_000,
        progress=False,
    )
    return int(found.num_rows)


if __name__ == "__main__":
    steps = []
    if "--held" in sys.argv:
        sys.path.insert(0, str(Path(__file__).parent.parent.parent))
        from benchmarks.held import timed

        steps = timed()
    if "--batches" in sys.argv:
        print(asyncio.run(batches(*sys.argv[1:5])))
    else:
        print(table(*sys.argv[1:5]))
    if steps:
        steps.sort()
        sys.stderr.write(f"{steps[-1] * 1000:.1f} {steps[len(steps) * 97 // 100] * 1000:.2f}\n")
