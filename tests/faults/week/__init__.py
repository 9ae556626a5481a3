"""The first week of a company with Okta, played in minutes and compared with a model of its own.

Okta pushes everybody on Monday. On each day people join, leave, come back, marry and move;
managers are renamed while Okta pushes their reports before, after or never; an administrator
edits what Okta owns; there are a re-organization, an accident and a change of the mapping. After
each day every person, invite, mail, sync error, group and page is compared with the model
(`company`), which knows none of the product's code.
"""
