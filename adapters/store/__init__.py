"""Where sleeping users are kept."""
