"""The endpoints, a family a module; `routes` is the table.

What they have in common: an unknown ticker gets an empty list, or a 404 where it stands in the path.
Nothing is told before it is published on the sandbox's clock; offerings, holidays, splits and dividends are
announced ahead, as in the API. A parameter that cannot be parsed is a 400 that names it, and one that the
endpoint does not know is ignored.
"""
