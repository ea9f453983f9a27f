"""A dataset that is kept up to date with its list."""
