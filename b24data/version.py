"""Which b24data this is. It stands here so that nothing inside has to ask the package's front door."""

__version__ = "0.1.0"
