"""All keys that a read needs, of the machine that this code runs on."""

from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.api_key import with_key
from stockticker_async.spark.bucket_keys import with_file_keys
from stockticker_async.spark.options import ReadOptions


def with_keys(settings: Settings, options: ReadOptions) -> Settings:
    """Return the settings with the API key, and with the keys of flat files where these are read.

    Raises `ConfigError`.
    """
    return with_file_keys(with_key(settings, options.api_key_file), options.flat_files_key_file)
