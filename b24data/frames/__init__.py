"""Columns: from field descriptions to a schema, from rows to record batches, to a frame or a Parquet file."""
