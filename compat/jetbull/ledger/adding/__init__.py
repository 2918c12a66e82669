"""Jobs on their way in: each stored once, many of them all or none.

adding          one publish, 'create only'; many as one atomic batch
insertion       a job on its way, and what has to be stored with it
notes           jobs without a batch: noted first, then stored
note            the message that holds them
note_reading    what notes there are, and whether one still stands
note_ending     the end of a note
noted_jobs      what became of its jobs
journal         more jobs than a batch holds: written down first, then stored part by part
deduplication   which job stands for a deduplication id
schedules       scheduler records beside their one pending job
intake          jobs of the first NATS generation of the audiobook API
"""
