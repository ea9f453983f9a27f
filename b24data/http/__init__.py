"""One call: wait, sign, send, read, then return, refresh, retry or raise."""
