"""One job: read, rewritten in place, moved from one state to another, held by who runs it.

reading     where a job is and what it holds
patches     a newer record for a job that keeps its place
moving      one guarded message from state to state
promoting   delayed -> waiting
ticket      a job that may be started, as it was handed out or read
lease       the renewable, fenced claim of whoever runs it
late        schedules that fired although their job had moved on
"""
