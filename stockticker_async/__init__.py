"""An asyncio Airbyte source for US stock prices, from the market data API of Massive."""

__version__ = "0.1.0"
