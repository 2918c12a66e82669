"""The parts of `jetbull.queue.Queue`: its jobs, getters, schedulers, metrics and administration."""
