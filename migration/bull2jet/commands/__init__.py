"""What each command does, one file per command; each returns a `Report`."""
