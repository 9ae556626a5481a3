"""django-ldapdb's database backend, made to read a directory that a row names.

django-ldapdb 1.5.1 does not import on Django 5.2, searches everything twice, binds for each
cursor, and takes its base DN from the model; this is what it takes to read with it. Nothing
is ever written.
"""
