"""Where the library meets Spark: ``run(spark, settings, run)`` for each job.

The only room that imports pyspark. The Spark jobs in ``spark/`` and the ``unposed`` commands
call the same functions.
"""
