"""A sandbox, and a client that asks its bucket with signed requests."""

import gzip
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

from sandbox.asker import Asker, Reply, opened
from yarl import URL

DAY_FILE = "us_stocks_sip/day_aggs_v1/2020/12/2020-12-21.csv.gz"
MINUTE_FILE = "us_stocks_sip/minute_aggs_v1/2020/12/2020-12-21.csv.gz"
_XMLNS = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def signed(
    url: str,
    headers: Mapping[str, str],
    *,
    key_id: str = "demo-access-key-id",
    secret: str = "demo-secret-access-key",  # noqa: S107 -- the sandbox's usual one
    region: str = "us-east-1",
    moment: datetime | None = None,
    method: str = "GET",
    payload: str = "UNSIGNED-PAYLOAD",
) -> dict[str, str]:
    """The headers with the signature of a request, whose query is sorted."""
    time = (moment or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    named = {name.lower(): text for name, text in headers.items()}
    named |= {"host": parts.netloc, "x-amz-date": time, "x-amz-content-sha256": payload}
    names = ";".join(sorted(named))
    lines = "".join(f"{name}:{named[name]}\n" for name in sorted(named))
    canonical = f"{method}\n{parts.path}\n{parts.query}\n{lines}\n{names}\n{payload}"
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={key_id}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
    return {**named, "authorization": authorization}


@dataclass(frozen=True, slots=True)
class S3Asker:
    asker: Asker

    async def get(self, key: str, *, method: str = "GET", bucket: str = "flatfiles", **headers: str) -> Reply:
        """Ask for an object; in the names of headers, `_` stands for a dash."""
        return await self.ask(f"/{bucket}/{quote(key)}", method, headers)

    async def listing(self, **query: str) -> Reply:
        """A page of ListObjectsV2; in names, `_` stands for a dash."""
        told = {"list_type": "2", **query}
        pairs = sorted((name.replace("_", "-"), text) for name, text in told.items())
        return await self.ask(f"/flatfiles?{urlencode(pairs, quote_via=quote, safe='')}")

    async def ask(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, **how: Any
    ) -> Reply:
        url = f"{self.asker.sandbox.url}{path}"
        given = {name.replace("_", "-"): text for name, text in (headers or {}).items()}
        signing = signed(url, given, method=method, **how)
        return await self.asker.send(method, str(URL(url, encoded=True)), headers=signing)

    async def lines(self, key: str) -> list[str]:
        reply = await self.get(key)
        assert reply.status == 200, reply.body
        return gzip.decompress(reply.body).decode().splitlines()

    async def rows(self, key: str) -> list[dict[str, str]]:
        head, *lines = await self.lines(key)
        return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]


def _parsed(reply: Reply) -> ET.Element:
    return ET.fromstring(reply.body)  # noqa: S314 -- the sandbox's own


def code(reply: Reply) -> str | None:
    """The code of an error."""
    return _parsed(reply).findtext("Code")


def texts(reply: Reply, *names: str) -> list[str]:
    """The texts of an element in a listing, in order."""
    path = "/".join(f"{_XMLNS}{name}" for name in names)
    return [each.text or "" for each in _parsed(reply).iterfind(path)]


@asynccontextmanager
async def opened_bucket(**options: Any) -> AsyncIterator[S3Asker]:
    """A small sandbox, whose clock stands at noon of 2020-12-22; signatures are of this machine's time."""
    async with opened(**{"universe": 60, **options}) as asker:
        yield S3Asker(asker)
