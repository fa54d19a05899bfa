"""One reader for each way of asking."""
