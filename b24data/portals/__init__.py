"""Many portals: the same call to each of them, side by side, and one result."""
