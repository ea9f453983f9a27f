"""REST 3.0 as the portal speaks it under ``/rest/api/``."""
