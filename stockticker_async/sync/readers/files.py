"""Opens the bucket of flat files for a family, in a sync that wants files: others do not import this."""

from datetime import date

from stockticker_async.marketdata.bucket import open_bucket
from stockticker_async.marketdata.settings import FlatFiles
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.file_calls import FilesOfFamily
from stockticker_async.sync.readers.file_slices import FileReader
from stockticker_async.sync.readers.slices import SessionCalls
from stockticker_async.sync.readers.unproven import UnprovenTickers


class FilesAccess:
    """The bucket as a family needs it: to list its files, and to read them."""

    def __init__(self, settings: FlatFiles, family: BarFamily) -> None:
        """Raises `ConfigError` without the client of the bucket."""
        self._family = family
        self._bucket = open_bucket(settings, family.client.clock)

    async def calls(self, call_plan: CallPlan) -> SessionCalls:
        """Return how each session is read. Raises a `ConnectorError` if the bucket cannot be listed."""
        return await FilesOfFamily(self._family, self._bucket).calls(call_plan)

    def reader(
        self, unproven: UnprovenTickers, calls: SessionCalls, *, earliest: date | None = None
    ) -> FileReader:
        """Return the reader of the files.

        ``earliest`` is the session of the earliest file of the sync; None: of these calls.
        """
        if earliest is None:
            earliest = min((file.session for file in calls.files), default=self._family.earliest)
        return FileReader(self._family, unproven, self._bucket, earliest=earliest)
