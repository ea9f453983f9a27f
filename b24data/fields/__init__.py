"""What a portal says about its fields, and its dictionaries."""
