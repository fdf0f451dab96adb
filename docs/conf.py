"""The documentation site, which `make docs` builds from the Markdown files of this folder."""

from pathlib import Path

import yaml

release = yaml.safe_load((Path(__file__).parents[1] / "Chart.yaml").read_text(encoding="utf-8"))["version"]
project = "observability-platform"
html_title = f"{project} {release}"
html_theme = "furo"
html_static_path = html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
extensions = ["myst_parser"]
# The text of the first page, which index.rst includes.
exclude_patterns = ["README.md"]
# Anchors like those that GitHub makes from headings, so that links with anchors work there too.
myst_heading_anchors = 4
# Pygments does not know that names of recording rules contain colons; tests parse all queries with promtool.
suppress_warnings = ["misc.highlighting_failure"]
