"""How a job's try ends, how long a finished job stays, and what dead workers leave behind."""
