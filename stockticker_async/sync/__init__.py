"""The engine of a sync: what is still to be read, the calls for it, and cursors behind what was written."""
