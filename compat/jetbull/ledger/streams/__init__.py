"""The streams of a prefix: how they are made, and what they hold besides jobs.

streams         the five streams, made when they are first needed
events          the event log, written behind the steps it tells of
event_limits    how long that log may become
ids             counters for generated ids, reserved ahead
flushing        emptying a prefix
listing         what the server tells page by page
inventory       what is on a server, seen from outside
"""
