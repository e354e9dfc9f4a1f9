"""envoy/envoy.yaml is valid as it stands, and rendered by its marks only."""

import re
import subprocess
from dataclasses import replace
from typing import Any

import pytest
import yaml
from google.protobuf.descriptor_pool import Default
from midway.app.envoy import ROOT, TEMPLATE, RestDoor, envoy_config, envoy_program, rendered
from midway.rest.reading import bindings
from midway.rest.routes import LEGACY, TASKS, raw_methods
from midway.rpc.options import ServerOptions
from midway.rpc.server import SERVICES

from tests.support.processes import PATIENCE_SECONDS

DOOR = RestDoor(
    host="::1",
    http_port=18080,
    grpc_port=15051,
    rest_backend_port=15052,
    needs_key=True,
    cors_origins=("https://it-is.example:8443",),
)
DEFAULT_DOOR = RestDoor(host="127.0.0.1", http_port=8080, grpc_port=50051, rest_backend_port=50052)


def validate(config: str) -> None:
    """Let Envoy itself judge."""
    command = (envoy_program(), "--mode", "validate", "--disable-hot-restart", "--config-yaml", config)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr


def test_the_file_is_valid_as_it_stands():
    validate(TEMPLATE.read_text())


def test_the_rendered_file_is_valid():
    validate(envoy_config(DOOR))


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Map every leaf's path to its value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        return {path: value}
    return {key: leaf for name, part in pairs for key, leaf in flat(part, f"{path}/{name}").items()}


def test_rendering_changes_nothing_but_the_marked_values():
    before = flat(yaml.safe_load(TEMPLATE.read_text()))
    after = flat(yaml.safe_load(envoy_config(DOOR)))

    changed = {path.rpartition("/")[2]: after[path] for path in before if before[path] != after[path]}
    assert before.keys() == after.keys()
    assert set(changed) == {"address", "port_value", "filename", "proto_descriptor", "needs_key", "regex"}
    assert (changed["address"], changed["needs_key"]) == ("::1", True)


def test_as_it_stands_the_file_lets_in_whom_a_server_without_keys_does():
    before = flat(yaml.safe_load(TEMPLATE.read_text()))
    after = flat(yaml.safe_load(envoy_config(DEFAULT_DOOR)))

    changed = {path.rpartition("/")[2] for path in before if before[path] != after[path]}
    assert changed == {"filename", "proto_descriptor"}


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [((), ".*"), (("https://a.example", "http://b.example:81"), r"https://a\.example|http://b\.example:81")],
)
def test_with_keys_the_operator_chooses_the_pages_that_may_call(origins, allowed):
    door = replace(DEFAULT_DOOR, needs_key=True, cors_origins=origins)

    assert door.allowed_origins == allowed


def test_envoy_lets_through_as_many_calls_as_the_server_takes_and_more():
    """Its own limit of 1024 was filled by open watches alone."""
    clusters = yaml.safe_load(TEMPLATE.read_text())["static_resources"]["clusters"]
    limits = [limits for cluster in clusters for limits in cluster["circuit_breakers"]["thresholds"]]

    assert len(limits) == len(clusters)
    assert min(limit for each in limits for limit in each.values()) > ServerOptions().max_concurrent_calls


@pytest.mark.parametrize(("calls", "connections"), [(100, 10_000), (60_000, 60_000)])
def test_a_server_that_takes_more_calls_has_an_envoy_that_does(calls, connections):
    config = yaml.safe_load(envoy_config(replace(DEFAULT_DOOR, max_concurrent_calls=calls)))
    values = flat(config)

    [downstream] = [value for path, value in values.items() if path.endswith("max_active_downstream_connections")]
    upstream = {value for path, value in values.items() if "circuit_breakers" in path}
    assert downstream == connections
    assert upstream == {5 * connections}


def test_a_mark_without_a_value_is_an_error():
    with pytest.raises(ValueError, match="nothing to set PORT from"):
        rendered("port: 1  # set from PORT", {})


def test_a_value_without_a_mark_is_an_error():
    with pytest.raises(ValueError, match="PORT"):
        rendered("port: 1", {"PORT": "2"})


def test_every_route_waits_as_long_as_an_old_client_does():
    """G37: a submit with pictures and a seed may take a minute; Envoy's own default is 15 seconds. 0 is without end."""
    timeouts = [
        value for path, value in flat(yaml.safe_load(TEMPLATE.read_text())).items() if path.endswith("route/timeout")
    ]

    assert timeouts
    assert all(value == "0s" or int(value.removesuffix("s")) >= 60 for value in timeouts)


def is_led_past_the_transcoder(method: str, path: str) -> bool:
    """Tell where the first route that matches leads."""
    [listener] = yaml.safe_load(TEMPLATE.read_text())["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        match = route["match"]
        regex = match["safe_regex"]["regex"] if "safe_regex" in match else re.escape(match.get("path", "")) or None
        methods = [header["string_match"] for header in match.get("headers", [])]
        takes = all(method in (one.get("exact") or one["safe_regex"]["regex"]).split("|") for one in methods)
        if (regex is None and path.startswith(match["prefix"])) or (regex and re.fullmatch(regex, path) and takes):
            return bool(route["route"]["cluster"] == "rest_backend")
    raise AssertionError(path)


def bindings_of_all() -> dict[str, list[tuple[str, str]]]:
    """Give the bindings of every RPC that has some."""
    return {
        method.full_name: list(bindings(method))
        for name in SERVICES
        for method in Default().FindServiceByName(name).methods
    }


def test_envoy_leads_past_the_transcoder_just_what_the_server_answers_there() -> None:
    """Else a new RPC of that kind would be answered by the server and yet be transcoded, up to 1 MiB."""
    files = (
        "GetTaskImage",
        "DownloadTaskImage",
        "ListTasks",
        "WatchTask",
        "WatchTasks",
    )  # tests/rest/test_backend.py proves it
    answered = {f"{TASKS.full_name}.{name}" for name in files} | {each.full_name for each in raw_methods(LEGACY)}
    led = {
        name: {is_led_past_the_transcoder(verb, re.sub(r"\{\w+\}", "17", path)) for verb, path in paths}
        for name, paths in bindings_of_all().items()
    }

    assert {name for name, leads in led.items() if True in leads} == answered
    assert all(len(leads) == 1 for leads in led.values())
