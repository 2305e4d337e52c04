"""What is imported is declared, and what is declared is imported."""

import configparser
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OF_THE_PRODUCT = ("airflow", "coco17", "heic", "lab", "segment", "serve")
NEVER_IMPORTED = {
    "apache-airflow": "its task SDK is",
    "apache-airflow-providers-apache-spark": "named in DAGs alone",
    "itsdangerous": "loaded by starlette, for the login at a provider",
    "pi-heif": "where it is installed",
    "psycopg2-binary": "loaded by SQLAlchemy, by the name in a catalogue's address",
    "python-multipart": "loaded by starlette, for forms",
    "simplejpeg": "loaded by its path, for the library inside",
}
MODULES = {
    "opencv-contrib-python": "cv2",
    "apache-airflow-providers-apache-spark": "airflow",
    "pi-heif": "pi_heif",
    "XlsxWriter": "xlsxwriter",
}


def test_imports_and_declarations_agree(tmp_path: Path) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    groups = [setup["options"]["install_requires"]]
    groups += [setup["options.extras_require"][name] for name in OF_THE_PRODUCT]
    wanted = [line for group in groups for line in group.splitlines() if line.strip()]
    listed = tmp_path / "requirements.txt"
    listed.write_text("\n".join(line for line in wanted if not line.startswith(("#", "unposed"))))
    names = ",".join(f"{package}={module}" for package, module in MODULES.items())
    command = [
        *(sys.executable, "-m", "deptry", "unposed_jobs", "dags", "spark"),
        *("--requirements-files", str(listed)),
        *("--known-first-party", "unposed_jobs"),
        *("--package-module-name-map", names),
        *("--per-rule-ignores", f"DEP002={'|'.join(NEVER_IMPORTED)}"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
