"""The warehouse: Iceberg tables, written by stage, check, commit."""
