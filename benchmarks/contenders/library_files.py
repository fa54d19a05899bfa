"""The library: `library_files.py URL BUCKET SESSION`, the minutes of the market; no batch is kept."""

import asyncio
import sys

import stockticker_async as st


async def batches(base: str, bucket: str, session: str) -> int:
    rows = 0
    keys = {"access_key_id": "none", "secret_access_key": "none", "endpoint": base, "bucket": bucket}
    async with st.open(api_key="none", base_url=base, flat_files=keys) as market:
        answer = market.bars("*", start=session, end=session, timespan="minute", adjusted=False)
        async for batch in answer:
            rows += batch.num_rows
    return rows


if __name__ == "__main__":
    sys.stderr.write(f"{asyncio.run(batches(*sys.argv[1:4]))}\n")
