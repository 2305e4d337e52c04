"""SQL over the published tables: the views, the DuckDB file that holds them, and statements.

Reads the warehouse, writes none of its tables. Nothing is imported here: DuckDB alone opens the
file of views, without the slow import of pyiceberg.
"""
