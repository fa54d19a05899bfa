"""One coroutine for each command that Airbyte knows."""
