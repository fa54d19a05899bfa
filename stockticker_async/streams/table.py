"""The table of streams: a stream is a row here and a JSON schema in `schemas/`, never a subclass.

Two streams are made of bars and share a call plan. All others are row streams: the API's rows are passed on
unchanged, except for the ticker, which is ``stock_ticker`` in all streams. The source of a row
stream is a `Listed`, a `Lookup`, a `Daily` or a `Previous`.
"""

from dataclasses import dataclass
from typing import Literal

from stockticker_async.marketdata.listings import SPLITS, Listing
from stockticker_async.marketdata.rows import Form
from stockticker_async.streams import transforms
from stockticker_async.streams.transforms import Names, Transform


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of the configured tickers, read by a `BarsSync`."""

    rows: Literal["prices", "bars"]


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows of all tickers, from a listing of the API."""

    listing: Listing
    sparse: bool = False
    """Whether it is normal for a ticker to have no rows: most stocks were never split."""
    lookback_days: int = 0
    """The number of days before the cursor that are read again, because rows come late."""
    identity: tuple[str, ...] = ()
    """The API's fields from which an ``id`` is made if a row has none."""
    transform: Transform = transforms.plain


@dataclass(frozen=True, slots=True)
class Lookup:
    """One answer for each ticker, with one or a few rows, without a cursor."""

    path: str
    """Contains ``{ticker}``."""
    transform: Transform
    form: Form
    """The form of the answer."""
    dated: bool = False
    """Whether a ticker without an answer may have one on an earlier day, because it was delisted."""
    repeats: bool = False
    """Whether the API may give two rows with the same key."""
    names: Names | None = None
    """Returns whether the rows name the requested ticker. None: the form of the answer or its transform
    shows for which ticker it is."""


@dataclass(frozen=True, slots=True)
class Daily:
    """One answer for each ticker and session."""

    path: str
    """Contains ``{ticker}`` and ``{session}``."""
    transform: Transform


@dataclass(frozen=True, slots=True)
class Previous:
    """The bar of the last session for each ticker: one grouped call, then a call for each missing ticker."""

    path: str
    """The path for one ticker; contains ``{ticker}``."""


_LARGE_PAGE = 15_000  # rows; the API allows 50,000, which are 60 MB when decoded; a session has about 12,000

Source = Bars | Listed | Lookup | Daily | Previous


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The catalog entry and the source of a stream. Its schema is ``schemas/{name}.json``."""

    name: str
    primary_key: tuple[str, ...]
    cursor: str
    """The cursor field, which is also a key of the state. Empty: no cursor, every sync reads the whole
    stream."""
    source: Source
    times: bool = False
    """Whether the cursor is a time; otherwise it is a day."""


STOCK_PRICES = Stream("stock_prices", ("stock_ticker", "date"), "date", Bars("prices"))
STOCK_BARS = Stream("stock_bars", ("stock_ticker", "timestamp"), "timestamp", Bars("bars"), times=True)
_DIVIDENDS = Listing(
    "/stocks/v1/dividends",
    market_rows=150,
    page_rows=5000,
    filters="any_of",
    since="ex_dividend_date",
    announced=True,
    query={"sort": "ex_dividend_date.asc"},
    older=Listing(
        "/v3/reference/dividends",
        market_rows=150,
        page_rows=1000,
        filters="one",
        since="ex_dividend_date",
        announced=True,
        query={"sort": "ex_dividend_date", "order": "asc"},
    ),
)
STREAMS = (
    STOCK_PRICES,
    STOCK_BARS,
    Stream(
        "splits",
        ("id",),
        "execution_date",
        Listed(
            SPLITS,
            sparse=True,
            lookback_days=365,
            identity=("ticker", "execution_date", "split_from", "split_to"),
            transform=transforms.of_ticker,
        ),
    ),
    Stream(
        "dividends",
        ("id",),
        "ex_dividend_date",
        Listed(
            _DIVIDENDS,
            sparse=True,
            lookback_days=365,
            identity=("ticker", "ex_dividend_date", "cash_amount"),
            transform=transforms.of_ticker,
        ),
    ),
    Stream(
        "tickers",
        ("id",),
        "",
        Listed(
            Listing(
                "/v3/reference/tickers",
                market_rows=35_000,  # a third of these are listed now
                page_rows=1000,
                filters="one",
                query={"sort": "ticker", "order": "asc"},
                variants=({"active": "true"}, {"active": "false"}),
                by_market=True,
            ),
            identity=("ticker", "composite_figi", "cik", "name"),
            transform=transforms.of_ticker,
        ),
    ),
    Stream(
        "ticker_details",
        ("stock_ticker",),
        "",
        Lookup("/v3/reference/tickers/{ticker}", transforms.details, "object", dated=True),
    ),
    Stream(
        "ticker_events",
        ("stock_ticker", "date", "type"),
        "",
        # known to be inaccurate: a company may change its ticker twice on a day
        Lookup(
            "/vX/reference/tickers/{ticker}/events",
            transforms.events,
            "object",
            repeats=True,
            names=transforms.events_name,
        ),
    ),
    Stream(
        "related_companies",
        ("stock_ticker", "related_ticker"),
        "",
        Lookup("/v1/related-companies/{ticker}", transforms.related, "list"),
    ),
    Stream(
        "open_close",
        ("stock_ticker", "date"),
        "date",
        Daily("/v1/open-close/{ticker}/{session}", transforms.open_close),
    ),
    Stream("previous_close", ("stock_ticker",), "", Previous("/v2/aggs/ticker/{ticker}/prev")),
    Stream(
        "short_interest",
        ("stock_ticker", "settlement_date"),
        "settlement_date",
        Listed(
            Listing(
                "/stocks/v1/short-interest",
                market_rows=1300,  # some 20,000 securities twice a month
                page_rows=_LARGE_PAGE,
                filters="any_of",
                since="settlement_date",
                weekdays=True,
                query={"sort": "settlement_date.asc"},
            ),
            lookback_days=60,  # published some eight business days later, corrected with the next ones
        ),
    ),
    Stream(
        "short_volume",
        ("stock_ticker", "date"),
        "date",
        Listed(
            Listing(
                "/stocks/v1/short-volume",
                market_rows=12_000,
                page_rows=_LARGE_PAGE,
                filters="any_of",
                since="date",
                weekdays=True,
                query={"sort": "date.asc"},
            ),
            lookback_days=7,
        ),
    ),
    Stream(
        "float",
        ("stock_ticker",),
        "",
        Listed(
            Listing(
                "/stocks/vX/float",
                market_rows=7000,
                page_rows=5000,
                filters="any_of",
                query={"sort": "ticker.asc"},
            )
        ),
    ),
    Stream(
        "news",
        ("stock_ticker", "id"),
        "published_utc",
        Listed(
            Listing(
                "/v2/reference/news",
                market_rows=500,
                page_rows=1000,
                filters="one",
                since="published_utc",
                query={"sort": "published_utc", "order": "asc"},
            ),
            lookback_days=2,
            transform=transforms.news,
        ),
        times=True,
    ),
    Stream(
        "ipos",
        ("id",),
        "",  # a filter by listing_date would lose IPOs without a date
        Listed(
            Listing(
                "/vX/reference/ipos",
                market_rows=6000,
                page_rows=1000,
                filters="one",
                query={"sort": "listing_date", "order": "asc"},
            ),
            identity=(
                "ticker",
                "issuer_name",
                "announced_date",
            ),  # the other identifiers come later, as may the ticker
        ),
    ),
    Stream("market_holidays", ("exchange", "date"), "", Listed(Listing("/v1/marketstatus/upcoming", 60))),
    Stream(
        "exchanges",
        ("id", "name"),  # the facilities of FINRA share an id, and the tapes have no mic
        "",
        Listed(Listing("/v3/reference/exchanges", 30, query={"asset_class": "stocks"})),
    ),
    Stream(
        "ticker_types",
        ("code",),
        "",
        Listed(Listing("/v3/reference/tickers/types", 30, query={"asset_class": "stocks", "locale": "us"})),
    ),
    Stream(
        "conditions",
        ("id", "type"),
        "",
        Listed(
            Listing(
                "/v3/reference/conditions",
                market_rows=150,
                page_rows=1000,
                query={"asset_class": "stocks", "sort": "id", "order": "asc"},
            )
        ),
    ),
)
