"""Jobs on their way to a worker's slots: fetched ahead, claimed, given back.

source                      where a slot gets its next job
taking, starting            the claim of one job; of many where a limit holds
head, line, front, returned jobs read from the store: the head of the queue, its first tickets
feed, feeds, hand           tickets from consumers, and those in hand
supply, fetcher, trips      how many are asked for, by whom, how far ahead
hints, resting, arrival     how an idle worker learns that there is something to do
giving_back, leftovers      tickets that may not start here
"""
