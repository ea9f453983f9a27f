"""What outlives a run: a fetch that goes on where it stopped, a dataset that is kept up to date."""
