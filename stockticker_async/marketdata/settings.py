"""How to reach the API: what a client needs to know, and nothing of what is read with it."""

import ipaddress
from dataclasses import dataclass, field

from stockticker_async.marketdata.call_limits import LIMITS, CallLimits

BASE_URL = "https://api.massive.com"  # renamed from api.polygon.io on 2025-10-30


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one client. The key is shown in no ``repr``."""

    api_key: str = field(repr=False)
    key_from: str = field(default="", kw_only=True)
    """The environment variable that the key came from; empty for the configuration."""
    base_url: str = BASE_URL
    """Scheme, host and perhaps a path, without a slash at the end."""
    requests_per_minute: int | None = None
    """The allowance of the key's plan. None: it is learned where the API refuses."""
    max_concurrent_requests: int = 16
    limits: CallLimits = LIMITS


def is_loopback(host: str) -> bool:
    """Whether a host, by name or by address, is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
