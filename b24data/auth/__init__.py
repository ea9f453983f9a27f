"""Who calls: webhooks and OAuth token pairs, and the refresh that is done once for all."""
