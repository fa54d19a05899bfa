"""The endpoints, a family a module; `routes` is the table."""
