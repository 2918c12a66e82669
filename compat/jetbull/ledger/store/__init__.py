"""One queue's place in the ledger, and the ways messages and questions take to the server.

store       connection, names, event log and counter of one queue: every verb's first argument
batch       several messages, all or none
behind      a look that stands behind a write, in one trip
grouping    group commit where each answer costs a disk write
unconfirmed adds whose answer was lost, asked about together
rounds      work that many want done and one does for all
shared      a question that many ask and one answer answers
turns       changes of one thing by one process, one after the other
recent      what was seen last of many things, for a guess
reach       where a state's messages were when last looked at
promoter    due times within the next quarter of a second, exact to the millisecond
due_order   delayed jobs by due time, kept for whoever lists many
paging, singles, replicas    reading much, reading one by one, reading in a cluster
collector   thousands of objects at once without the garbage collector
"""
