"""The endpoints of the API, a family a module; `routes` is their table.

All endpoints answer an unknown ticker with an empty list, or with a 404 where the ticker stands in the path.
No row is shown before it is published on the sandbox's clock; offerings, holidays, splits and dividends are
announced ahead, as in the API. A parameter that cannot be parsed is a 400 that names it, and an unknown
parameter is ignored.
"""
