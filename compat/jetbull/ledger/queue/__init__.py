"""One queue: its settings, what it holds, who works on it, and what has happened in it.

settings, metrics, presence    paused and limits; finished jobs by the minute; workers
consumers, counting, tally     how many jobs are in each state
sections, pages, listing, idle which they are, and whether any are left
looks, locating, kept          what a section asks the server, to find what lies where
listening, event_evidence      the event log read in order; what it proves about a job
"""
