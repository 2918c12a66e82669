"""Flows: a parent's books of its children, and when it may go on.

parentage       whose child a job is
bookkeeping     which children are pending, and what became of the others
parents         what a child's end means for its parent
releasing       letting a parent go
"""
