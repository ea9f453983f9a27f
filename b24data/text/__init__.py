"""Text that is shown: secrets masked, control characters spelt out, tables for a notebook."""
