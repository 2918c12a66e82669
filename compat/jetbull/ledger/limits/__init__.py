"""Limits over all workers of a queue.

gate, permits           the rate window, and starts counted in it
place_book, places      the jobs that hold a place under the global concurrency
occupancy               which jobs hold one by what is stored of them
"""
