"""The platform's dashboards as code.

Each dashboard is one module. `config` holds the names and links that they share, `colors` what colours mean;
`queries`, `page`, `style`, `tables` and `alerts` are their parts, and `document` turns a builder into the
JSON that the chart ships. `python -m dashboards` writes the JSON beside this file;
`python -m dashboards --check` fails if it is out of date.
"""

import warnings

with warnings.catch_warnings():
    # The SDK recommends its v2 schema, but Grafana's file provisioning does not read that.
    warnings.simplefilter("ignore", DeprecationWarning)
    from dashboards import platform, service, services, storage_api, workload

DASHBOARDS = {
    "services": services.services,
    "service": service.service,
    "storage-api": storage_api.storage_api,
    "workload": workload.workload,
    "platform": platform.platform,
}
"""File name of each dashboard, without `.json` -> function that returns its builder."""
