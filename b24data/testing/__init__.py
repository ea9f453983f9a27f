"""For tests: the sandbox portal with clients on it, and a fixture for pytest."""
