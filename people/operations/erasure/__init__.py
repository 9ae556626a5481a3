"""What Ramp stores about a person: `export` returns it, and `erase` removes it.

Both read which rows belong to a person from the declarations in `AppHooks.personal_data`.
"""
