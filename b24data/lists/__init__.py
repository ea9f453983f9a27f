"""Whole lists: which facts are known of a method, which walk reads it to its end, and the walk itself."""
