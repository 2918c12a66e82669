"""What each command does; each returns a `Report`.

inspect, plan, run, verify, rollback, finalize    the commands, one file each
opening, selecting, asking    both servers, which queues, the operator's consent
moving                        one queue's way to the target
tallying, reporting           counts as report lines, and the report as a whole
"""
