"""Whole Bitrix24 lists as typed DataFrames and Parquet files."""

__version__ = "0.1.0"
