"""The contract that keeps the domain free of third-party parts."""

import pytest
from grimp import ImportGraph

from tools.import_contracts import StandardLibraryOnly


@pytest.fixture
def contract() -> StandardLibraryOnly:
    options = {"packages": ["house.core"], "besides": ["attrs"]}
    return StandardLibraryOnly("pure", session_options={}, contract_options=options)


@pytest.fixture
def graph() -> ImportGraph:
    """A package whose core imports itself and the standard library."""
    graph = ImportGraph()
    for module in ("house", "house.core", "house.core.rule", "house.edge"):
        graph.add_module(module)
    for external in ("datetime", "aiohttp", "attrs"):
        graph.add_module(external, is_squashed=True)
    graph.add_import(importer="house.core", imported="house.core.rule")
    graph.add_import(importer="house.core.rule", imported="datetime")
    graph.add_import(importer="house.edge", imported="aiohttp")
    return graph


def test_own_modules_and_the_standard_library_are_welcome(contract, graph):
    """A core that imports itself and datetime keeps the contract, whatever its neighbours import."""
    assert contract.check(graph, verbose=False).kept


def test_a_third_party_import_breaks_it(contract, graph):
    """One import of an installed library is enough, and it is named."""
    graph.add_import(importer="house.core.rule", imported="aiohttp")

    result = contract.check(graph, verbose=False)

    assert not result.kept
    assert result.metadata["foreign"] == [("house.core.rule", "aiohttp")]


def test_what_is_named_besides_is_welcome(contract, graph):
    """One library that the contract names does not break it, and opens the door to no other."""
    graph.add_import(importer="house.core.rule", imported="attrs")

    assert contract.check(graph, verbose=False).kept


def test_an_import_of_an_outer_layer_breaks_it(contract, graph):
    """The project's own outer packages are as foreign as any library."""
    graph.add_import(importer="house.core", imported="house.edge")

    assert contract.check(graph, verbose=False).metadata["foreign"] == [("house.core", "house.edge")]
