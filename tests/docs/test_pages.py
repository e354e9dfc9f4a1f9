"""The documents say what is there: paths, settings, RPCs, reasons, commands, links, the life cycle."""

import contextlib
import re
from pathlib import Path

import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from midjourney.legacy.v1 import legacy_pb2, legacy_request_pb2, legacy_service_pb2
from midjourney.v1 import account_service_pb2, error_reason_pb2, midjourney_service_pb2, webhook_service_pb2
from midway.app.metrics import Metrics
from midway.store.sqlite import SqliteStore
from midway.store.watch import Watch

from benchmarks import results
from benchmarks.__main__ import SHOWN
from tools import diagram, settings_table

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += [ROOT / "simulator" / "README.md", ROOT / "tests" / "faults" / "README.md"]
PAGES += [*(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
LEGACY = legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"]
SERVICES = [
    midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"],
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
    webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"],
]


def page(name: str) -> str:
    """Read a document."""
    return (ROOT / name).read_text("utf-8")


def bindings(method: MethodDescriptor) -> list[str]:
    """Name every REST path of an RPC, with its method."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    rules = [rule, *rule.additional_bindings]
    return [f"{each.WhichOneof('pattern').upper()} {getattr(each, each.WhichOneof('pattern'))}" for each in rules]


def methods(*services: ServiceDescriptor) -> list[MethodDescriptor]:
    return [method for service in services for method in service.methods]


def json_fields(message: str) -> list[str]:
    """Name the JSON fields of a request of the old API, save those that are a part of the path."""
    return [field.json_name for field in legacy_request_pb2.DESCRIPTOR.message_types_by_name[message].fields]


@pytest.mark.parametrize("binding", [path for method in methods(LEGACY) for path in bindings(method)])
def test_every_path_of_the_old_api_is_described(binding):
    assert f"`{binding}`" in page("docs/legacy.md")


REASONS = [value.name for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values if value.number]
BODIES = [
    name for name in legacy_request_pb2.DESCRIPTOR.message_types_by_name if not name.startswith(("Get", "Cancel"))
]


@pytest.mark.parametrize("message", BODIES)
def test_every_field_that_old_clients_send_is_described(message):
    text = page("docs/legacy.md")

    missing = [name for name in json_fields(message) if not re.search(rf"`(accountFilter\.)?{name}\b", text)]

    assert missing == []


@pytest.mark.parametrize("message", ["SubmitResult", "Task", "Button", "Account"])
def test_every_field_that_old_clients_get_is_described(message):
    fields = legacy_pb2.DESCRIPTOR.message_types_by_name[message].fields

    assert [field.json_name for field in fields if f"`{field.json_name}`" not in page("docs/legacy.md")] == []


def test_the_readme_has_every_setting_as_it_is():
    assert settings_table.redrawn(page("README.md")) == page("README.md")


@pytest.mark.parametrize("method", [method.name for method in methods(*SERVICES, LEGACY)])
def test_every_rpc_stands_on_the_api_page(method):
    assert method in page("generated/openapi/api.html")


@pytest.mark.parametrize("reason", REASONS)
def test_every_error_reason_is_named_by_an_rpc_or_on_a_page(reason):
    contract = "".join(file.read_text("utf-8") for file in (ROOT / "proto/midjourney/v1").glob("*.proto"))
    pages = page("generated/openapi/api.html") + page("docs/clients.md")

    assert reason in pages or contract.count(reason.removeprefix("ERROR_REASON_")) > 1


@pytest.mark.parametrize(
    "target", re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
)
def test_every_make_target_stands_in_a_document(target):
    assert re.search(rf"make (\w+ )*{target}\b", page("README.md") + page("CONTRIBUTING.md"))


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_built_file_is_one_that_make_writes(document):
    named = set(re.findall(r"`(build/[^`]+\.\w+)`", document.read_text("utf-8")))

    assert named - set(re.findall(r"build/\S+", page("Makefile"))) == set()


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document):
    links = [link for link in LINK.findall(document.read_text("utf-8")) if "://" not in link]

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_figures_on_the_performance_page_are_those_that_were_measured():
    assert results.redrawn(page("docs/performance.md"), results.saved(SHOWN)) == page("docs/performance.md")


async def test_the_readme_has_every_metric_as_it_is(tmp_path):
    metrics = Metrics()
    metrics.watch_accounts(list)
    async with contextlib.AsyncExitStack() as parts:
        store = await SqliteStore.open(tmp_path / "midway.db")
        parts.push_async_callback(store.close)
        metrics.watch_store(store)
        metrics.watch_streams(await parts.enter_async_context(Watch(store)))
        families = list(metrics.registry.collect())

    table = page("README.md").partition("## Metrics")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    assert rows == [
        f"| `{family.name}{'_total' * (family.type == 'counter')}` | {family.documentation} |" for family in families
    ]


def test_the_life_cycle_in_architecture_is_the_one_of_the_table():
    assert diagram.redrawn(page("ARCHITECTURE.md")) == page("ARCHITECTURE.md")
