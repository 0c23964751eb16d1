"""Every loss, with its equation, and the sync-expert that one of them asks."""
