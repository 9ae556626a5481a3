"""Operations: each changes people or other rows, after it has checked the rules.

Pages, the API, SCIM, sign-in and jobs call the same functions.
"""
