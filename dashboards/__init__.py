"""The platform's dashboards as code.

Each dashboard is one module. `config` holds the names, selectors and windows that they share, `style` their
appearance, and `document` turns a builder into the JSON that the chart ships. `python -m dashboards` writes
the JSON beside this file; `python -m dashboards --check` fails if it is out of date.
"""

import warnings

with warnings.catch_warnings():
    # The SDK recommends its v2 schema, but Grafana's file provisioning does not read that.
    warnings.simplefilter("ignore", DeprecationWarning)
    from dashboards import storage_api

DASHBOARDS = {
    "storage-api": storage_api.storage_api,
}
"""File name of each dashboard, without `.json` -> function that returns its builder."""
