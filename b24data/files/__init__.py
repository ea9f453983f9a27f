"""Files and folders of a user: written whole or not at all, locked, and only where this user owns them."""
