"""Listings of the bucket: ListObjectsV2, and ListObjects as clients of old ask for it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from stockticker_async.sandbox.bucket.file_keys import FileKey
from stockticker_async.sandbox.bucket.flat_files import FlatFiles, StoredFile
from stockticker_async.sandbox.bucket.s3_errors import S3Error, document, element

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
_MOST_KEYS = 1000
_LAST = chr(0x10FFFF)


@dataclass(slots=True)
class _Page:
    keys: list[FileKey]
    folders: list[str]
    last: str = ""
    """The last key or folder of the page."""
    next: str = ""
    """What the next page's keys come after: a folder stands for all its keys."""
    truncated: bool = False


async def listed(files: FlatFiles, bucket: str, query: Mapping[str, str]) -> bytes:
    """The XML of a page; raises S3Error for arguments without a meaning."""
    second = query.get("list-type") == "2"
    prefix, delimiter, marker = (query.get(name, "") for name in ("prefix", "delimiter", "marker"))
    folder = delimiter and marker != prefix and marker.startswith(prefix) and marker.endswith(delimiter)
    after = _after(query) if second else marker + (_LAST if folder else "")
    most = _most_keys(query)
    page = _page(files.published_keys(prefix), prefix, delimiter, after, most)
    url = query.get("encoding-type", "") == "url"
    spell = (lambda text: quote(text, safe="/")) if url else str
    elements = [
        element("Name", bucket),
        element("Prefix", spell(prefix)),
        element("MaxKeys", most),
        element("IsTruncated", str(page.truncated).lower()),
    ]
    elements += [
        element(name, spell(query[asked]))
        for name, asked in (("Delimiter", "delimiter"), ("StartAfter", "start-after"))
        if asked in query
    ]
    if url:
        elements.append(element("EncodingType", "url"))
    elements += _second(query, page) if second else _first(query, page, spell(page.last), spell(marker))
    elements += [_entry(await files.stored(key), spell(key.text)) for key in page.keys]
    elements += [
        f"<CommonPrefixes>{element('Prefix', spell(text))}</CommonPrefixes>" for text in page.folders
    ]
    return document(f'<ListBucketResult xmlns="{XMLNS}">{"".join(elements)}</ListBucketResult>')


def _second(query: Mapping[str, str], page: _Page) -> list[str]:
    elements = [element("KeyCount", len(page.keys) + len(page.folders))]
    if "continuation-token" in query:
        elements.append(element("ContinuationToken", query["continuation-token"]))
    if page.truncated:
        elements.append(element("NextContinuationToken", base64.b64encode(page.next.encode()).decode()))
    return elements


def _first(query: Mapping[str, str], page: _Page, last: str, marker: str) -> list[str]:
    elements = [element("Marker", marker)]
    if page.truncated and query.get("delimiter"):
        elements.append(element("NextMarker", last))
    return elements


def _entry(stored: StoredFile, key: str) -> str:
    moment = datetime.fromtimestamp(stored.modified, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    elements = [
        element("Key", key),
        element("LastModified", moment),
        element("ETag", stored.etag),
        element("Size", stored.size),
        element("StorageClass", "STANDARD"),
    ]
    return f"<Contents>{''.join(elements)}</Contents>"


def _after(query: Mapping[str, str]) -> str:
    """The key or folder after which a page begins."""
    if "continuation-token" not in query:
        return query.get("start-after", "")
    try:
        return base64.b64decode(query["continuation-token"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from None


def _most_keys(query: Mapping[str, str]) -> int:
    text = query.get("max-keys") or str(_MOST_KEYS)
    if not text.isdecimal():
        raise S3Error("InvalidArgument", "Provided max-keys not an integer or within integer range")
    return min(int(text), _MOST_KEYS)


def _page(keys: list[FileKey], prefix: str, delimiter: str, marker: str, most: int) -> _Page:
    """The keys after `marker`, all with the prefix; those with a delimiter after it count as one folder."""
    page = _Page([], [])
    folder = ""
    for key in keys:
        text = key.text
        if text <= marker or (folder and text.startswith(folder)):
            continue
        if len(page.keys) + len(page.folders) >= most:
            page.truncated = most > 0
            break
        cut = text.find(delimiter, len(prefix)) if delimiter else -1
        folder = text[: cut + len(delimiter)] if cut >= 0 else ""
        if folder:
            page.folders.append(folder)
        else:
            page.keys.append(key)
        page.last = folder or text
        page.next = folder + _LAST if folder else text
    return page
