"""The table of streams, and how the rows of each are made of the answers of the API."""
