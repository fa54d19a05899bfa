"""The market data API as a library: a client, what may be asked of it, and its answers, judged."""
