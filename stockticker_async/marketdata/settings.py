"""The settings of a client: how to reach the API, but not what to read."""

import ipaddress
from dataclasses import dataclass, field

from stockticker_async.marketdata.call_limits import LIMITS, CallLimits
from stockticker_async.marketdata.limiter import PER_SECOND

BASE_URL = "https://api.massive.com"  # renamed from api.polygon.io on 2025-10-30
FILES_URL = "https://files.massive.com"
FILES_BUCKET = "flatfiles"


@dataclass(frozen=True, slots=True)
class FlatFiles:
    """The bucket of flat files, and its keys, which ``repr`` does not show."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    endpoint: str = FILES_URL
    """Scheme and host, without a slash at the end."""
    bucket: str = FILES_BUCKET


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one client. ``repr`` does not show the key."""

    api_key: str = field(repr=False)
    key_from: str = field(default="", kw_only=True)
    """The environment variable of the key; empty if the key is from the configuration."""
    base_url: str = BASE_URL
    """Scheme, host and perhaps a path, without a slash at the end."""
    requests_per_minute: int | None = None
    """The allowance of the plan. None: it is learned from the refusals of the API."""
    max_concurrent_requests: int = 16
    most_per_second: int = PER_SECOND
    """The most calls that begin in a second, unless `requests_per_minute` is set."""
    spent: int = 0
    """Calls of others that count in the first minute of this client's `requests_per_minute`."""
    flat_files: FlatFiles | None = None
    """None: bars come from the API only."""
    limits: CallLimits = LIMITS


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
