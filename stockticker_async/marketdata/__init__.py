"""The market data API as a library: a client, the calls, and validated answers."""
