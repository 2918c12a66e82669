"""What belongs to a job besides its message.

logs            its log rows
blobs           data too large for a message, in chunks
belongings      removing all of that when the job is gone
"""
