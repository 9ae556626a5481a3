"""Signal streams: security events about people, sent to other applications of the company.

Ramp is a transmitter of the OpenID Shared Signals Framework 1.0. `event_types` says which security
event follows from which event of the log, and `security_events` builds them. The deliveries, their
order and their retries are those of webhooks: a stream is a webhook endpoint whose messages are
signed security event tokens (RFC 8417). `streams` has the operations of administrators and
receivers, `polling` hands events to receivers that ask for them, and `keys` signs.
"""
