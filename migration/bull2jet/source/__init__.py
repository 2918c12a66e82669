"""The Redis side: connecting, discovering queues, reading what they hold, handing jobs over.

`door` is the only module that sends commands; `keys` is the only one that builds key names.
Everything that reads works through plain, bounded commands (SCAN, ranges, pipelines), so a queue of
a million jobs costs no more memory than one batch.
"""
