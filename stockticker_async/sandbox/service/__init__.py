"""The sandbox as a server: keys, allowances, faults, sockets, and the controls of whoever holds it."""
