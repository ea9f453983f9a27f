"""Signing in: one flow, shown by a panel, a prompt or a terminal."""
