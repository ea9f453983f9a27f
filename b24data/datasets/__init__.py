"""What outlives a run: Parquet datasets that are kept up to date."""
