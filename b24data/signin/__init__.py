"""Signing in: one flow, shown by a panel, a prompt or a terminal; its last step keeps a profile."""
