"""News articles: GET /v2/reference/news."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from math import ceil, floor
from typing import Any

import orjson

from stockticker_async.sandbox.data.articles import Article, articles
from stockticker_async.sandbox.data.sessions import day_of, midnight_ms
from stockticker_async.sandbox.data.universe import FIRST_DAY
from stockticker_async.sandbox.endpoints import cursors
from stockticker_async.sandbox.endpoints.api_request import ApiRequest, parse_day
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, bad_request
from stockticker_async.sandbox.endpoints.context import Context
from stockticker_async.sandbox.endpoints.list_endpoint import ListEndpoint, Row, without_paging
from stockticker_async.sandbox.endpoints.paging import page_of

_DAY = 86_400

NEWS_LIST = ListEndpoint("v3", {"ticker": "text"}, ("published_utc",), ("published_utc", True), 10, 1000)

_PUBLISHERS = (
    ("The Daily Ledger", "daily-ledger"), ("Market Lantern", "market-lantern"),
    ("Wall & Water", "wall-and-water"), ("Börsenblick", "boersenblick"), ("Street Notes", "street-notes"),
)  # fmt: skip
_AUTHORS = ("A. Alder", "Zoë Birch", "M. O'Hara", "Staff", "J. Quarry")
_TITLES = (
    "{name} beats what nobody had expected",
    "Why {name} moved today",
    "{name}: “a quarter like any other”, says its chief executive",
    "Analysts differ about {name} \N{EM DASH} again",
    "{name} & co.: five charts",
)
_WORDS = ("earnings", "guidance", "dividends", "analysts", "interest rates", "acquisitions", "buybacks")
_SENTIMENTS = ("positive", "neutral", "negative")


async def news(context: Context, request: ApiRequest) -> ApiResponse:
    """Articles published until now, newest first by default; an article may have several tickers."""
    request = request.resumed()
    limit = request.limit(NEWS_LIST.limit, NEWS_LIST.most)
    descending = NEWS_LIST.order(request)[0][1]
    low, high = _span(context, request)
    last = _last(request)
    if last is not None:
        low, high = (low, min(high, last[0])) if descending else (max(low, last[0]), high)
    kept: list[Article] = []
    days = range(day_of(low * 1000), day_of(high * 1000) + 1 if low <= high else 0)
    for day in reversed(days) if descending else days:
        for article in sorted(_admitted(context, request, day), key=_place, reverse=descending):
            after = last is None or (article.place < last if descending else article.place > last)
            if after and low <= article.published <= high:
                kept.append(article)
        if len(kept) > limit:
            break
        await asyncio.sleep(0)
    return _paged(context, request, kept, limit)


def _paged(context: Context, request: ApiRequest, kept: list[Article], limit: int) -> ApiResponse:
    rows = [_row(context, article) for article in kept[:limit]]
    if len(kept) <= limit:
        return page_of(request, rows, None, count=True)
    marker = orjson.dumps(kept[limit - 1].place).decode()
    cursor = cursors.encode({**without_paging(request), "limit": str(limit), "page_marker": marker})
    return page_of(request, rows, f"{request.origin}{request.path}?cursor={cursor}", count=True)


def _place(article: Article) -> tuple[int, int, int]:
    return article.place


def _last(request: ApiRequest) -> tuple[int, int, int] | None:
    """The place of the last article of the previous page; raises a 400 for an invalid marker."""
    marker = request.query.get("page_marker")
    if not marker:
        return None
    try:
        published, group, number = map(int, orjson.loads(marker))
    except (TypeError, ValueError):
        raise bad_request("The parameter 'cursor' is invalid.") from None
    return published, group, number


def _admitted(context: Context, request: ApiRequest, day: int) -> Iterable[Article]:
    """The articles of a day with a ticker that all ticker filters admit."""
    groups, universe = context.market.peer_groups, context.market.universe
    some: Iterable[int] = groups.members()
    if ticker := request.query.get("ticker"):
        group = groups.of(ticker)
        some = () if group is None else (group,)
    filters = NEWS_LIST.filters(request)
    for article in articles(groups, universe, some, day):
        if any(all(wanted.admits({"ticker": each}) for wanted in filters) for each in article.tickers):
            yield article


def _span(context: Context, request: ApiRequest) -> tuple[int, int]:
    """The first and the last second that the filters on time admit, until now.

    A date means its first moment in UTC, and the whole day in a filter for equality.
    """
    low, high = midnight_ms(FIRST_DAY) // 1000, floor(context.clock.epoch())
    for suffix in ("", ".gt", ".gte", ".lt", ".lte"):
        text = request.query.get(f"published_utc{suffix}")
        if not text:
            continue
        moment, is_day = _moment(text)
        match suffix:
            case "":
                low, high = max(low, ceil(moment)), min(high, floor(moment) + (_DAY - 1 if is_day else 0))
            case ".gt":
                low = max(low, floor(moment) + 1)
            case ".gte":
                low = max(low, ceil(moment))
            case ".lt":
                high = min(high, ceil(moment) - 1)
            case _:
                high = min(high, floor(moment))
    return low, high


def _moment(text: str) -> tuple[float, bool]:
    """Epoch seconds of a time, or of a date's midnight in UTC, and whether the text is a date."""
    try:
        if "T" in text:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), False
    except ValueError:
        pass
    day = parse_day("published_utc", text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp(), True


def _row(context: Context, article: Article) -> Row:
    noise = article.noise
    seed = context.market.peer_groups.seed(article.group)
    lead = context.market.listing(article.tickers[0])
    identity = f"{seed} {article.published} {article.number}"
    name = sha256(identity.encode()).hexdigest()
    publisher, host = _PUBLISHERS[noise[7] % len(_PUBLISHERS)]
    host = f"https://www.{host}.example"
    row: dict[str, Any] = {
        "id": name,
        "publisher": {
            "name": publisher,
            "homepage_url": f"{host}/",
            "logo_url": f"{host}/logo.svg",
            "favicon_url": f"{host}/favicon.ico",
        },
        "title": _TITLES[noise[8] % len(_TITLES)].format(name=lead.name),
        "author": _AUTHORS[noise[9] % len(_AUTHORS)],
        "published_utc": f"{datetime.fromtimestamp(article.published, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "article_url": f"{host}/{name[:16]}",
        "tickers": list(article.tickers),
        "image_url": f"{host}/{name[:16]}.jpg",
        "description": f"{lead.name} in the news.\nNothing of it has happened: a sandbox wrote it.",
        "keywords": sorted({_WORDS[number % len(_WORDS)] for number in noise[10:13]}),
    }
    if noise[13] & 1:
        row["amp_url"] = f"{host}/{name[:16]}/amp"
    if noise[14] % 3:
        row["insights"] = [_insight(ticker, noise[15] + at) for at, ticker in enumerate(article.tickers)]
    return row


def _insight(ticker: str, number: int) -> dict[str, str]:
    sentiment = _SENTIMENTS[number % len(_SENTIMENTS)]
    return {
        "ticker": ticker,
        "sentiment": sentiment,
        "sentiment_reasoning": f"The article speaks of {ticker} in words that are {sentiment}.",
    }
