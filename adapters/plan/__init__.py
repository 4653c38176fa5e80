"""The tracking plan: what a shop has agreed that its events look like, and what becomes of those that do not."""
