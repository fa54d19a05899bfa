"""How well latency is hidden: 200 tickers of 250 sessions, 50 ms a call, 16 calls at once.

Measured at the server, from its record of calls: the time from the first bar call to the last,
against the ideal of 200 / 16 rounds of 50 ms. The allowance is set far above what is needed, since
without one the connector begins with four calls at once, out of politeness.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKERS = 200
_AT_ONCE = 16
_LATENCY_MS = 50
_RUNS = 5
_IDEAL = _TICKERS / _AT_ONCE * _LATENCY_MS / 1000


def run() -> None:
    names = [f"TK{number:03}" for number in range(_TICKERS)]
    with _sandbox(names) as url, tempfile.TemporaryDirectory() as folder:
        arguments = _arguments(Path(folder), url, names)
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)  # the server encodes its answers
        ratios = [_measure(arguments, url) / _IDEAL for _ in range(_RUNS)]
    shown = ", ".join(f"{ratio:.3f}" for ratio in sorted(ratios))
    median = statistics.median(ratios)
    print(f"latency: first to last bar call / ideal {_IDEAL} s: median {median:.3f} of {shown}")


@contextmanager
def _sandbox(names: list[str]) -> Iterator[str]:
    command = [sys.executable, "-m", "stockticker_async", "sandbox", "--encode-ahead"]
    command += ["--latency-ms", str(_LATENCY_MS), "--tickers", ",".join(names), "--clock", "2026-11-20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _arguments(folder: Path, url: str, names: list[str]) -> list[str]:
    config = {
        "stock_ticker": ",".join(names),
        "api_key": "demo-key",
        "base_url": url,
        "start_date": "2025-11-19",  # 250 sessions
        "end_date": "2026-11-18",
        "max_concurrent_requests": _AT_ONCE,
        "requests_per_minute": 1_000_000,
        "adjusted": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    catalog = Path(__file__).parent.parent / "catalogs" / "fullrefresh_configured_catalog.json"
    program = [sys.executable, "-m", "stockticker_async", "read"]
    return [*program, "--config", str(folder / "config.json"), "--catalog", str(catalog)]


def _measure(arguments: list[str], url: str) -> float:
    """Seconds from the first bar call of a read to its last."""
    calls = f"{url}/sandbox/calls"
    urllib.request.urlopen(urllib.request.Request(calls, method="DELETE")).close()  # noqa: S310 - loopback
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    with urllib.request.urlopen(calls) as answer:  # noqa: S310 - loopback
        listed = json.load(answer)
    told = listed["calls"] if isinstance(listed, dict) else listed
    times = [call["at"] for call in told if "/range/" in call["path"]]
    assert len(times) == _TICKERS, len(times)
    return float(max(times) - min(times))
