"""A database backend that reads the directory of a provider, based on the one of django-ldapdb.

django-ldapdb 1.5.1 cannot be imported on Django 5.2, runs every search twice, binds for each
cursor, and takes the base DN from the model. This backend corrects these four points. It never
writes.
"""
