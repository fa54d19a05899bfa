"""The Python library: judged rows as Arrow, at once or batch by batch, from the engine that `read` runs."""
