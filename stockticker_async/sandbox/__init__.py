"""The market data API, imitated on loopback: for the demo, the tests and the benchmarks.

It shares no code with the connector, so that one error cannot hide in both. Each folder imports only from the
folders before it:

- `data`: the market, as functions of seed, ticker and day
- `endpoints`: the API's paths, answered out of that market as the clock and the subscription allow
- `bucket`: the same market as flat files, over the protocol of Amazon S3
- `service`: the HTTP server with its allowance and faults, and `Sandbox`, the object to hold

Nothing is imported here: `options` and `command` are cheap, only `service.server` pays for aiohttp.
"""
