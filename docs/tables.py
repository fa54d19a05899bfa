"""Generate the tables of streams in the README and on the documentation page.

`python docs/tables.py` (or `make fixtures`) writes the tables. With `--check`, the script writes nothing, and
exits with 1 if a table is out of date. A sample record is the first record of the stream's fixture, or, for a
stream without a fixture, of the acceptance tests.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stockticker_async.connector import catalog
from stockticker_async.marketdata.listings import Listing
from stockticker_async.streams.table import STREAMS, Bars, Daily, Listed, Lookup, Source, Stream

ROOT = Path(__file__).parent.parent
_MARK = "<!-- `make fixtures` generates the table -->"
_SAMPLE_CHARS = 84
_MADE = "@"  # a fixture's sign for an id that the connector makes
Row = dict[str, Any]


def made() -> dict[str, str]:
    """Both pages with their tables, by their paths."""
    samples = _samples()
    readme = [_told(stream, samples[stream.name]) for stream in STREAMS]
    page = [_described(dict(offer)) for offer in catalog.offered()]
    return {
        "README.md": _replaced(
            "README.md", ("stream", "sample record", "primary key", "cursor", "calls"), readme
        ),
        "docs/stockticker-async.md": _replaced(
            "docs/stockticker-async.md", ("Stream", "Holds", "Primary key", "Cursor", "Sync modes"), page
        ),
    }


def _samples() -> dict[str, Row]:
    found: dict[str, Row] = {}
    for line in (ROOT / "integration_tests" / "expected_records.jsonl").read_text().splitlines():
        record = json.loads(line)
        found.setdefault(record["stream"], record["data"])
    for path in (ROOT / "tests" / "fixtures").glob("*.json"):
        found[path.stem] = json.loads(path.read_bytes())["records"][0]
    return found


def _told(stream: Stream, sample: Row) -> tuple[str, ...]:
    key = ", ".join(stream.primary_key)
    first = {name: sample[name] for name in (stream.primary_key[0], "stock_ticker") if name in sample}
    sample = {**first, **sample}
    return f"`{stream.name}`", f"`{_beginning(sample)}`", key, stream.cursor, _calls(stream.source)


def _described(offer: Row) -> tuple[str, ...]:
    return (
        f"`{offer['name']}`",
        offer["json_schema"]["description"].rstrip("."),
        ", ".join(name for (name,) in offer["source_defined_primary_key"]),
        ", ".join(offer.get("default_cursor_field", ["none"])),
        ", ".join(mode.replace("_", " ") for mode in offer["supported_sync_modes"]),
    )


def _beginning(record: Row) -> str:
    """The record, or so many of its fields as fit."""
    shown = ""
    for name, value in record.items():
        field = json.dumps({name: "..." if value == _MADE else value}, separators=(",", ":"))[1:-1]
        if shown and len(shown) + len(field) > _SAMPLE_CHARS:
            return f"{{{shown},...}}"
        shown += f",{field}" if shown else field
    return f"{{{shown}}}"


def _calls(source: Source) -> str:
    match source:
        case Bars():
            return "planned"
        case Listed(listing=Listing(page_rows=None)):
            return "1"
        case Listed():
            return "list"
        case Lookup():
            return "1 per ticker"
        case Daily():
            return "1 per ticker and session"
    return "1 for all tickers"


def _replaced(path: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    table = "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)
    text = (ROOT / path).read_text()
    return re.sub(rf"({re.escape(_MARK)}\n)(\|.*\n)+", lambda found: found[1] + table, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = {path: text for path, text in made().items() if (ROOT / path).read_text() != text}
    for path, text in stale.items():
        if not check:
            (ROOT / path).write_text(text)
        print("not what would be made:" if check else "made anew:", path)
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
