"""pyspark's daemon with what most tasks import: a worker that it forks need not, for two seconds.

The DAGs' tests and those of a cluster have pyspark's own.
"""

from pyspark import daemon

from unposed_jobs.jobs import audit, extract, facts  # noqa: F401
from unposed_jobs.networks import openvino_graph  # noqa: F401
from unposed_jobs.pose.blazepose import estimator  # noqa: F401

if __name__ == "__main__":
    daemon.manager()
