"""pyspark's daemon, which first imports what most tasks need: its workers do not import it again.

The tests of the DAGs and of a cluster use pyspark's own daemon.
"""

from pyspark import daemon

from unposed_jobs.jobs import audit, extract, facts  # noqa: F401
from unposed_jobs.networks import openvino_graph  # noqa: F401
from unposed_jobs.pose.blazepose import estimator  # noqa: F401

if __name__ == "__main__":
    daemon.manager()
