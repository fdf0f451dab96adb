"""The name of this machine's platform in release archives."""

import platform as python_platform

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def platform() -> str:
    """The platform, such as `linux-amd64` or `darwin-arm64`."""
    machine = python_platform.machine().lower()
    return f"{python_platform.system().lower()}-{_ARCHITECTURES.get(machine, machine)}"
