"""The parts of `jetbull.queue.Queue`.

getters     reading jobs, states, counts and logs
jobs        writing to a job that is known by its id
admin       pause, limits, cleaning, retrying, emptying
schedules   its job schedulers
metrics     what a monitoring system is told
"""
