"""What is stored, and where: subjects, records, and the headers that make a message a state.

    names       the one place where names become subjects, and back
    tokens      one name as a part of a subject
    record      a job on the wire, three lines of JSON
    beside      what is stored beside jobs as one JSON object
    clock       milliseconds by the server's clock
    guard       what must still be true when a message is stored
    placing     a state's subject and headers for one job
    templates   the messages of nearly every job, filled in

Nothing here talks to a server.
"""
