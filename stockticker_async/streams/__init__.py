"""The table of streams, and the conversion of the API's answers to their rows."""
