"""The inside of `jetbull.job_scheduler.JobScheduler`, from the top down.

options         what callers give: checked, and as it is stored
registering     a scheduler and its first job, stored or overwritten
following       the next job, made when the pending one starts
iteration       one job of a scheduler, stored in one step with the scheduler's record
"""
