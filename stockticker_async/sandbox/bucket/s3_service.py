"""The operations of S3 that reading a bucket needs: lists, heads and gets, of the whole or of a range."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from stockticker_async.sandbox.bucket.file_keys import ROOT, parsed
from stockticker_async.sandbox.bucket.flat_files import FlatFiles, StoredFile
from stockticker_async.sandbox.bucket.object_listing import XMLNS, listed
from stockticker_async.sandbox.bucket.s3_errors import XML, S3Error, document, element, s3_response
from stockticker_async.sandbox.bucket.s3_request import S3Request
from stockticker_async.sandbox.bucket.signature import REGION, Credentials, verify
from stockticker_async.sandbox.endpoints.api_response import ApiResponse
from stockticker_async.sandbox.endpoints.context import Context

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_GZIP = "application/gzip"
_REGION_HEADER = {"x-amz-bucket-region": REGION}


@dataclass(frozen=True, slots=True)
class S3Service:
    context: Context
    files: FlatFiles

    async def respond(self, request: S3Request, now: float) -> ApiResponse:
        """The response to a request that was signed at about `now`, epoch seconds."""
        try:
            return await self._respond(request, now)
        except S3Error as error:
            return error.response(request.path)

    async def _respond(self, request: S3Request, now: float) -> ApiResponse:
        options = self.context.options
        verify(request, Credentials(options.access_key_id, options.secret_access_key), now)
        if not self.context.plan.flat_files or request.method not in ("GET", "HEAD"):
            raise S3Error("AccessDenied")
        if not request.bucket:
            return _xml(_all_buckets(options.bucket))
        if request.bucket != options.bucket:
            raise S3Error("NoSuchBucket", BucketName=request.bucket)
        if request.key:
            return await self._object(request)
        return await self._bucket(request)

    async def _bucket(self, request: S3Request) -> ApiResponse:
        query = request.query
        if request.method == "HEAD":
            return s3_response(200, b"", XML, _REGION_HEADER)
        if "location" in query:
            return _xml(f'<LocationConstraint xmlns="{XMLNS}"/>')  # empty: us-east-1
        if "versioning" in query:
            return _xml(f'<VersioningConfiguration xmlns="{XMLNS}"/>')
        return s3_response(200, await listed(self.files, request.bucket, query), XML, _REGION_HEADER)

    async def _object(self, request: S3Request) -> ApiResponse:
        self._require(request.key)
        stored = await self.files.find(request.key)
        if stored is None:
            raise S3Error("NoSuchKey", Key=request.key)
        headers = {
            "ETag": stored.etag,
            "Last-Modified": _http_date(stored.modified),
            "Accept-Ranges": "bytes",
            "x-amz-server-side-encryption": "AES256",
        }
        if _unchanged(request.headers, stored):
            return s3_response(304, b"", "", headers)
        span = _span(request.headers, stored)
        if span is None:
            status, first, end = 200, 0, stored.size
        else:
            (first, end), status = span, 206
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{stored.size}"
        if request.method == "HEAD":
            headers["Content-Length"] = str(end - first)
            return s3_response(status, b"", _GZIP, headers)
        content = await self.files.content(stored)
        return s3_response(status, content if span is None else content[first:end], _GZIP, headers)

    def _require(self, key: str) -> None:
        """Raise AccessDenied for a file outside of the plan: by its data type, or by its day."""
        file = parsed(key)
        if f"/{self.context.options.bucket}/{key}".startswith(self.context.options.without):
            raise S3Error("AccessDenied")
        if key.startswith((f"{ROOT}trades_v1/", f"{ROOT}quotes_v1/")):
            raise S3Error("AccessDenied")
        if file is not None and file.day < self.context.floor().toordinal():
            raise S3Error("AccessDenied")


def _xml(body: str) -> ApiResponse:
    return s3_response(200, document(body), XML, {})


def _all_buckets(name: str) -> str:
    bucket = f"<Bucket>{element('Name', name)}<CreationDate>2003-09-10T00:00:00.000Z</CreationDate></Bucket>"
    owner = f"<Owner>{element('ID', 'sandbox')}</Owner>"
    return (
        f'<ListAllMyBucketsResult xmlns="{XMLNS}">{owner}<Buckets>{bucket}</Buckets></ListAllMyBucketsResult>'
    )


def _http_date(moment: int) -> str:
    return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)


def _unchanged(headers: Mapping[str, str], stored: StoredFile) -> bool:
    """Whether the client has the file; raises PreconditionFailed for another file than it wants.

    Conditions on ETags make those on times void (RFC 9110, 13.2.2).
    """
    if "if-match" in headers:
        if not _names(headers["if-match"], stored.etag):
            raise S3Error("PreconditionFailed", Condition="If-Match")
    elif (until := _moment(headers, "if-unmodified-since")) is not None and stored.modified > until:
        raise S3Error("PreconditionFailed", Condition="If-Unmodified-Since")
    if "if-none-match" in headers:
        return _names(headers["if-none-match"], stored.etag)
    since = _moment(headers, "if-modified-since")
    return since is not None and stored.modified <= since


def _names(text: str, etag: str) -> bool:
    """Whether a list of ETags names one, with or without quotation marks."""
    named = {each.strip().removeprefix("W/").strip('"') for each in text.split(",")}
    return "*" in named or etag.strip('"') in named


def _moment(headers: Mapping[str, str], name: str) -> float | None:
    """The time of a header, which without a meaning counts for nothing."""
    try:
        return parsedate_to_datetime(headers[name]).timestamp()
    except (KeyError, ValueError):
        return None


def _span(headers: Mapping[str, str], stored: StoredFile) -> tuple[int, int] | None:
    """The bytes asked for, the end not included; None for all. Raises InvalidRange if there are none."""
    found = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return None
    if "if-range" in headers and headers["if-range"] not in (stored.etag, _http_date(stored.modified)):
        return None
    first, last = found.groups()
    if not first:
        begin, end = max(0, stored.size - int(last)), stored.size
    else:
        begin, end = int(first), min(int(last) + 1, stored.size) if last else stored.size
        if last and int(last) < begin:
            return None
    if begin >= end:
        raise S3Error("InvalidRange", RangeRequested=headers["range"], ActualObjectSize=str(stored.size))
    return begin, end
