"""The receiver of OpenID Shared Signals, with which Ramp acts at once on what a provider reports.

A transmitter sends security event tokens (RFC 8417) about the people of a sign-in provider, by
push (RFC 8935) or by poll (RFC 8936). `tokens` checks one, `subjects` finds the person, `effects`
applies the policy of the company, and `receiving` does all three once for each token.
`transmitter` speaks the stream management of the Shared Signals Framework 1.0, `streams` sets a
stream up, and `job` keeps it alive.
"""
