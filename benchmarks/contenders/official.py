"""The official client: `official.py URL TICKER FIRST LAST`, minute bars to a data frame, as its users do."""

import sys

import pandas as pd
from massive import RESTClient

if __name__ == "__main__":
    base, ticker, first, last = sys.argv[1:5]
    bars = RESTClient("none", base=base).list_aggs(ticker, 1, "minute", first, last, limit=50_000)
    print(len(pd.DataFrame(bars)))
