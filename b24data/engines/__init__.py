"""Whole portals for engines and warehouses that others make: Dask, dlt."""
