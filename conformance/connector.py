"""The connector as others run it: a console script, in an environment of its own."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONNECTOR = Path(os.environ.get("CONNECTOR", ROOT / ".venv/bin/source-stockticker-async")).absolute()
KEY = "demo-key"
"""The sandbox's own, which the configurations in integration_tests/ have."""
