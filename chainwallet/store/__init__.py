"""The store: the only SQL of this package. SQLAlchemy Core; the schema's history is in ``migrations``.

``Database`` opens and migrates the file and gives out transactions; the other modules read and write one noun each
inside a transaction that the caller commits.
"""
