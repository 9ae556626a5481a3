"""Load generator for SCIM 2.0 service providers (RFC 7643 / RFC 7644).

    python -m tests.bench.load --base http://127.0.0.1:8000/scim/v2 --token T \\
        --users 2000 --concurrency 8 --mix idp-sync --json out.json

Works on any SCIM server that speaks plain HTTP/1.1. The client is a hand-written HTTP/1.1
state machine over epoll: about 50-75 microseconds of CPU per request, so that it does not
become the bottleneck that it measures. --calibrate measures that ceiling against a stub.

Phases, in order (choose some with --phases):

    create        POST a user with the enterprise extension, a manager, addresses
    find-name     GET /Users?filter=userName eq "..."
    find-ext      GET /Users?filter=externalId eq "..."
    get           GET /Users/{id}
    patch         PATCH replace title and department
    deactivate    PATCH replace active false
    put           PUT the whole user (active again)
    list-first    GET /Users?startIndex=1&count=100
    list-deep     GET /Users?startIndex=<near the end>&count=100
    mix           the operations of an identity provider's cycle (--mix)
    delete        DELETE every user that this run made

Every answer is checked (status, and a field that only a right answer has), and after each
writing phase a sample is read back, so that a server that answers garbage does not look
fast. Latencies are of the closed loop (each of the --concurrency connections waits for its
answer before it sends the next request), or, in the mix with --rate, of an open loop:
measured from the moment the request was due, so that a stalled server cannot hide its queue.
"""
