"""Tests in `whole/` need Spark and Java: `make spark` runs them. All others are of the usual suite."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("pyspark") else ["whole"]
