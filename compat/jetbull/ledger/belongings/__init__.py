"""What belongs to a job besides its message: log rows, and data too large for a message."""
