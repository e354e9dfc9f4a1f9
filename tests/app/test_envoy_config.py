"""envoy/envoy.yaml is valid as it stands, and rendered by its marks only."""

import subprocess
from typing import Any

import pytest
import yaml
from midway.app.envoy import ROOT, TEMPLATE, envoy_config, envoy_program, rendered


def validate(config: str) -> None:
    """Let Envoy itself judge."""
    command = (envoy_program(), "--mode", "validate", "--disable-hot-restart", "--config-yaml", config)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_file_is_valid_as_it_stands():
    validate(TEMPLATE.read_text())


def test_the_rendered_file_is_valid():
    validate(envoy_config(host="::1", http_port=18080, grpc_port=15051))


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Map every leaf's path to its value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        return {path: value}
    return {key: leaf for name, part in pairs for key, leaf in flat(part, f"{path}/{name}").items()}


def test_rendering_changes_nothing_but_the_marked_values():
    before = flat(yaml.safe_load(TEMPLATE.read_text()))
    after = flat(yaml.safe_load(envoy_config(host="127.0.0.9", http_port=18080, grpc_port=15051)))

    changed = {path.rpartition("/")[2]: after[path] for path in before if before[path] != after[path]}
    assert before.keys() == after.keys()
    assert set(changed) == {"address", "port_value", "filename", "proto_descriptor"}
    assert changed["address"] == "127.0.0.9"


def test_a_mark_without_a_value_is_an_error():
    with pytest.raises(ValueError, match="nothing to set PORT from"):
        rendered("port: 1  # set from PORT", {})


def test_a_value_without_a_mark_is_an_error():
    with pytest.raises(ValueError, match="PORT"):
        rendered("port: 1", {"PORT": "2"})
