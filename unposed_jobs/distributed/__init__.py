"""Where the library meets Spark: sessions, tables and sources as DataFrames, work on executors.

With `jobs` the only room that imports pyspark. Nothing here decides what a job does.
"""
