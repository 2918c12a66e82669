"""The Redis side: connecting, discovering queues, reading what they hold, handing jobs over.

`door` is the only module that sends commands; `keys` is the only one that builds key names.
Everything that reads works through plain, bounded commands (SCAN, ranges, pipelines), so a queue of
a million jobs costs no more memory than one batch.

address, connecting, door, pace
                            the server, the way to it, how much to ask of it at once
server, probing, clients    whether it is safe to begin: its facts, our rights, old writers
discovery, candidates, roots, keys, key_types, key_index, generation
                            which queues there are, their keys, and which library wrote them
listing, listed, doubles, vanishing, orphans, survey
                            which jobs stand where; what nothing lists; a quick look
jobs, sizes, decoding, options, json_text, booking
                            a job and its relatives, read
schedulers, pending, deduplication, remembered, settings
                            what belongs to the queue as a whole, read
lease, handover, handover_scripts, remaining
                            who may move jobs, and moving them; what is left
writing                     a job, written back
"""
