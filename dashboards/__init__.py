"""The platform's dashboards as code.

One module per dashboard; `config` holds what they share (selectors, windows, names), `style` their looks,
`document` turns a builder into the JSON that the chart ships. `python -m dashboards` writes the JSON beside
this file, `python -m dashboards --check` fails when it is out of date.
"""

import warnings

with warnings.catch_warnings():
    # The SDK prefers its v2 schema, which Grafana's provisioning from files does not read.
    warnings.simplefilter("ignore", DeprecationWarning)
    from dashboards import storage_api

DASHBOARDS = {
    "storage-api": storage_api.storage_api,
}
"""File stem of each dashboard -> function without arguments that returns its builder."""
