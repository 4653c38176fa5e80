"""The trigger language: from text to checked, compiled triggers."""
