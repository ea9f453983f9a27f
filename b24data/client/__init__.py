"""What a caller holds: a client of one portal, and its tools."""
