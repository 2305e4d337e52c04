"""Unposed: which poses are missing from each product's pictures.

The rooms, in the order the data travels: catalogue, pose, embedding, vocabulary, ranking
(learned together in reference), audit, warehouse; then evaluation and report. `jobs` is the
only room that meets Spark; nothing here imports Airflow.
"""

__version__ = "0.1.0"
