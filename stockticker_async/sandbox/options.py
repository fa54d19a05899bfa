"""What one sandbox can be told before it starts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that shapes a sandbox's market and manners; the defaults are the API at its best."""

    seed: int = 1
    """Another seed is another market, the well-known names and their splits aside."""
    plan: str = "advanced"
    """basic, starter, developer or advanced."""
    without: tuple[str, ...] = ()
    """Endpoints that the plan lacks, whatever it is: how their paths begin, `/stocks/v1/short-interest`."""
    key: str = "demo-key"
    """The one accepted key."""
    tickers: tuple[str, ...] = ()
    """Names added to the universe: healthy, liquid, listed for ever."""
    universe: int = 12_000
    """Names in all; the well-known ones and `tickers` are always among them."""
    now: datetime | None = None
    """Where the sandbox's clock starts (aware); None is the machine's time."""
    speed: float = 1.0
    """How many times faster than the machine's the clock runs; 0 stands still."""
    latency: float = 0.0
    """Real seconds before each answer."""
    page_rows: int | None = None
    """At most so many rows a page of bars, whatever `limit` says."""
    calls_per_minute: int | None = None
    """Instead of the plan's allowance."""
    window: Literal["rolling", "fixed"] = "rolling"
    """Whether the allowance's minute rolls or is the clock's."""
    empty: Literal["absent", "null", "list"] = "absent"
    """How an answer without bars spells `results`."""
    keep_adjusted: bool = True
    """Whether `adjusted=false` survives to page 2."""
    retry_after: Literal["absent", "seconds", "date", "empty-body"] = "absent"
    """What a 429 tells: nothing, a Retry-After of either form, or not even a body."""
    unpublished: int = 0
    """The last n settled sessions, and today's, are not published yet."""
    encode_ahead: bool = False
    """Answers of bars are made once and then sent as bytes: a benchmark measures the client."""
    scientific: bool = True
    """A few names write volumes from a million up as 1.300741e+06."""
