"""The engine of a sync: which days are missing, the calls for them, and the cursors after the records."""
