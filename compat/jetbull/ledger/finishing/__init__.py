"""How the try of a job ends, how long a finished job stays, and what dead workers leave behind.

finishing   completed, failed, or put back to be tried again
retention   which finished jobs are kept
repair      expired locks, and children whose parent was not told
"""
