"""Airbyte's side: commands, configuration, catalog, messages."""
