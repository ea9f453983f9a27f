"""The shell: one command, its sub-commands and what they print."""
