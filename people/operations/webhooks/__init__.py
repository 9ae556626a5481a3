"""Webhooks: events of a company, sent to URLs that its administrators have entered.

The event log is the outbox. `enqueue` creates a delivery for each event and endpoint, in the order
of the log; `sending` sends the deliveries and retries them. `endpoints` has the operations of the
administrators, and `messages` builds and signs what is sent (https://www.standardwebhooks.com).
"""
