"""Jobs on their way in: each stored once, many of them all or none.

adding          one publish, 'create only'; many as one atomic batch
insertion       a job on its way, and what has to be stored with it
notes           jobs without a batch: noted first, then stored
noted_jobs      what became of a note's jobs
journal         more jobs than a batch holds: written down first, then stored part by part
deduplication   which job stands for a deduplication id
schedules       scheduler records beside their one pending job
intake          jobs of the first NATS generation of the audiobook API
"""
