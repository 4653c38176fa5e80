"""How the engine is watched: metrics and logs."""
