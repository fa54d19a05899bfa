"""The options of a sandbox, all set before it starts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All that shapes a sandbox's market and its behaviour; the defaults are the API at its best."""

    seed: int = 1
    """Another seed is another market; only the well-known tickers and their splits stay."""
    plan: str = "advanced"
    """basic, starter, developer or advanced."""
    without: tuple[str, ...] = ()
    """Beginnings of paths, as `/stocks/v1/short-interest`: endpoints and files taken out of the plan."""
    key: str = "demo-key"
    """The one accepted key."""
    access_key_id: str = "demo-access-key-id"
    """With the secret, the credentials of the flat files; the key does not open them."""
    secret_access_key: str = "demo-secret-access-key"  # noqa: S105 -- of the imitation
    bucket: str = "flatfiles"
    """The bucket of the flat files: paths that begin with it are S3's, not the API's."""
    skew: float = 0.0
    """Seconds that the clock by which signatures are judged is ahead of the machine's."""
    tickers: tuple[str, ...] = ()
    """Tickers added to the universe: liquid, and never delisted."""
    universe: int = 12_000
    """The number of tickers; the well-known tickers and `tickers` are always among them."""
    now: datetime | None = None
    """Where the sandbox's clock starts (aware); None is the machine's time."""
    speed: float = 1.0
    """How many times faster than the machine's the clock runs; 0 stands still."""
    latency: float = 0.0
    """Real seconds before each answer."""
    page_rows: int | None = None
    """The most rows of a page of bars, whatever `limit` says."""
    calls_per_minute: int | None = None
    """Replaces the plan's allowance."""
    window: Literal["rolling", "fixed"] = "rolling"
    """Whether the allowance counts the last 60 seconds or the minute of the clock."""
    empty: Literal["absent", "null", "list"] = "absent"
    """How an answer without bars spells `results`."""
    keep_adjusted: bool = True
    """Whether `adjusted=false` survives to page 2."""
    retry_after: Literal["absent", "seconds", "date", "empty-body"] = "absent"
    """What a 429 carries: no Retry-After, one in seconds, one as a date, or not even a body."""
    unpublished: int = 0
    """The last n settled sessions, and today's, are not published yet."""
    encode_ahead: bool = False
    """Responses with bars are encoded once, then sent as bytes: a benchmark measures the client."""
    scientific: bool = True
    """One ticker in eight writes volumes from a million up as 1.300741e+06."""
