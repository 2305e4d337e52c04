"""Which poses matter to a cohort: popularity, the target, the ranker (paper section 4.5)."""
