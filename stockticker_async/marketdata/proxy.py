"""The proxy for the API from the environment, validated before use.

An invalid value is never shown: it may contain a password.
"""

from base64 import b64encode
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec
from yarl import URL

from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.settings import is_loopback


class Proxy(msgspec.Struct, frozen=True):
    """The address of a proxy, and its credentials."""

    url: URL
    """The address without user name and password."""
    authorization: str | None
    """The ``Proxy-Authorization`` header; never the API key."""
    address: str
    """The address with user name and password, for clients that take them there."""

    def __repr__(self) -> str:
        return f"Proxy({self.url})"


def proxy_for(base_url: str) -> Proxy | None:
    """Return the proxy for a URL; None for this machine (the sandbox) and for hosts in ``no_proxy``.

    (aiohttp's own lookup also reads ~/.netrc.) Raises `ConfigError` for an invalid proxy.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    proxies = getproxies()
    name = parts.scheme if parts.scheme in proxies else "all"
    port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    if name not in proxies or is_loopback(host) or proxy_bypass(f"{host}:{port}"):
        return None
    return _judged(proxies[name], f"{name}_proxy")


def _judged(value: str, variable: str) -> Proxy:
    try:
        url = URL(value if "://" in value else f"http://{value}")
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(
            f"The environment variable {variable} names no proxy that can be used: write it as "
            "http://HOST:PORT, or as http://USER:PASSWORD@HOST:PORT with special characters percent-encoded."
        ) from None
    if url.user is None and url.password is None:
        return Proxy(url, None, str(url))
    # RFC 7617 leaves the encoding open: use that of the URL, UTF-8
    shown = f"{url.user or ''}:{url.password or ''}".encode(errors="surrogateescape")
    return Proxy(url.with_user(None), f"Basic {b64encode(shown).decode()}", str(url))
