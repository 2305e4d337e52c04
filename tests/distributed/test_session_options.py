"""A session of our own beside the settings of whoever runs it."""

import os
import subprocess
import sys

from unposed_jobs.distributed import session

ASK = """
from unposed_jobs.distributed import session
spark = session.session("options", "local[1]")
properties = spark.sparkContext._jvm.java.lang.System
print(properties.getProperty("unposed.told"), properties.getProperty("log4j2.configurationFile"))
spark.stop()
"""


def test_java_options_of_the_defaults_file_are_kept(tmp_path) -> None:
    session._require_java()
    told = "spark.driver.extraJavaOptions -Dunposed.told=yes -XX:TieredStopAtLevel=1\n"
    (tmp_path / "spark-defaults.conf").write_text(told)
    found = subprocess.run(
        [sys.executable, "-c", ASK],
        env=os.environ | {"SPARK_CONF_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    own, logging = found.stdout.split()
    assert own == "yes"
    assert logging.endswith(".properties")
