"""What people decide about products, pictures and poses: recorded, dated, undone, and audited."""

from unposed_jobs.decisions.kinds import KINDS, PROFILE_KINDS, Decision
from unposed_jobs.decisions.store import LogEntry, Recorded, Store

__all__ = ["KINDS", "PROFILE_KINDS", "Decision", "LogEntry", "Recorded", "Store"]
