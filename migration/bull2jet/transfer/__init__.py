"""Carrying a queue over: mapping, copying, taking ownership, verifying, giving back."""
