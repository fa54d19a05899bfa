"""The market data API, imitated on loopback: for the demo, the tests and the benchmarks.

It shares no code with the connector, so that one error cannot hide in both. Nothing is imported here:
`options` and `command` are cheap, `server` is what pays for aiohttp.
"""
