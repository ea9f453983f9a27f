"""SQL over a portal: what a query asks of which list, and the engine that answers it."""
