"""The tutorial's way: `tutorial.py URL TICKER,TICKER FIRST LAST`; one call at a time, one print a record.

Written from the description of Airbyte's tutorial "Building a source connector: the hard way": a
synchronous HTTP call (the standard library's here, so that nothing needs to be installed), `json.loads`,
and for each bar a dict, the time, `json.dumps` and `print`.
"""

import json
import sys
from datetime import date, datetime
from urllib.request import Request, urlopen


def main(base: str, tickers: str, first: str, last: str) -> None:
    for ticker in tickers.split(","):
        url = f"{base}/v2/aggs/ticker/{ticker}/range/1/day/{first}/{last}?sort=asc&limit=50000"
        with urlopen(Request(url)) as response:  # noqa: S310 - loopback
            results = json.loads(response.read())["results"]
        for result in results:
            data = {
                "date": date.fromtimestamp(result["t"] / 1000).isoformat(),  # noqa: DTZ012 - as it does
                "stock_ticker": ticker,
                "price": result["c"],
            }
            emitted_at = int(datetime.now().timestamp()) * 1000  # noqa: DTZ005 - as it does
            record = {"stream": "stock_prices", "data": data, "emitted_at": emitted_at}
            print(json.dumps({"type": "RECORD", "record": record}))


if __name__ == "__main__":
    main(*sys.argv[1:5])
