"""The jobs: ``run(spark, settings, run)`` for each, and what they share.

The Spark entry points in ``spark/`` and the ``unposed`` commands call the same functions.
"""
