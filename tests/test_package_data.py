"""What the library reads beside its code is installed with it, in an image as well."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOR_TRANSLATORS = {"web/locale/babel.cfg"}
COMPILED = "__pycache__"


def test_every_file_that_is_not_code_is_installed() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    package = ROOT / "unposed_jobs"
    patterns = setup["options.package_data"]["unposed_jobs"].split()
    installed = {file for pattern in patterns for file in package.glob(pattern)}
    there = {
        file
        for file in package.rglob("*")
        if file.is_file() and file.suffix not in (".py", ".mo") and file.parent.name != COMPILED
    }
    missing = {str(file.relative_to(package)) for file in there - installed}
    assert missing - FOR_TRANSLATORS == set()
    assert all(any(package.glob(pattern)) for pattern in patterns)
