"""Settings of the documentation site, built by ``make docs``."""

from pathlib import Path

project = "Unposed"
copyright = "the authors of Unposed, Apache-2.0"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Unposed"
html_static_path: list[str] = []
html_extra_path = [str(Path(__file__).parent / "profile.example.toml")]
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = [
    # The pages are read in the repository, too: titles of three levels and tables of its dialect.
    "myst.header",
    # Queries in DuckDB's dialect of SQL.
    "misc.highlighting_failure",
]
