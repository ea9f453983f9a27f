"""The whole CRM as linked tables: what they are, how they are kept up to date, and what is asked of them."""
