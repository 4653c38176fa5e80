"""The only part of the engine that awaits."""
