"""The bucket of flat files: the market's bars as files, over the protocol of Amazon S3.

No socket here, and no faults of the connection. A signed request comes in, an `ApiResponse` goes out.
"""
