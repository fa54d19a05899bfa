"""A request to the bucket, as it was sent: a signature covers its bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote


@dataclass(frozen=True, slots=True)
class S3Request:
    method: str
    target: str
    """Path and query, still percent-encoded."""
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The query, decoded, in the order as sent. A plus sign is a plus sign."""
        text = self.target.partition("?")[2].replace("+", "%2B")
        return parse_qsl(text, keep_blank_values=True)

    @property
    def query(self) -> dict[str, str]:
        return dict(self.pairs)

    @property
    def bucket(self) -> str:
        return unquote(self.path).lstrip("/").partition("/")[0]

    @property
    def key(self) -> str:
        """Empty for the bucket itself."""
        return unquote(self.path).lstrip("/").partition("/")[2]

    @property
    def signed(self) -> bool:
        return self.headers.get("authorization", "").startswith("AWS4-") or "X-Amz-Algorithm" in self.query


def for_the_bucket(request: S3Request, bucket: str) -> bool:
    """Whether a request is for the bucket, or for S3 at all, and not for the API."""
    return request.bucket == bucket or request.signed
