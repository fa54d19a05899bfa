"""The server of the sandbox: sockets, keys, allowances, faults, and the controls for its users."""
