"""Opens the bucket of flat files for a family, in a sync that wants files: others do not import this."""

from stockticker_async.marketdata.bucket import open_bucket
from stockticker_async.marketdata.settings import FlatFiles
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.readers.family import BarFamily
from stockticker_async.sync.readers.file_calls import FilesOfFamily
from stockticker_async.sync.readers.file_slices import FileReader
from stockticker_async.sync.readers.slices import SessionCalls
from stockticker_async.sync.readers.unproven import UnprovenTickers


async def open_files(
    settings: FlatFiles, family: BarFamily, unproven: UnprovenTickers, call_plan: CallPlan
) -> tuple[FileReader, SessionCalls]:
    """Return the reader of the files, and how each session is read.

    Raises a `ConnectorError` if the bucket cannot be listed.
    """
    bucket = open_bucket(settings, family.client.clock)
    calls = await FilesOfFamily(family, bucket).calls(call_plan)
    earliest = min((file.session for file in calls.files), default=family.earliest)
    return FileReader(family, unproven, bucket, earliest=earliest), calls
