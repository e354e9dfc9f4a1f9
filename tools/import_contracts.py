"""An import contract that import-linter does not have."""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """The packages may import only themselves, the standard library and the packages in `besides`."""

    type_name = "standard_library_only"

    packages = fields.ListField(subfield=fields.StringField())
    besides = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 - import-linter's signature
        """List every direct import of a package that is not allowed."""
        packages: list[str] = self.packages  # type: ignore[assignment]  # the field descriptor's parsed value
        besides: list[str] | None = self.besides  # type: ignore[assignment]  # as above
        known = {*sys.stdlib_module_names, *(besides or ())}
        foreign = [link for package in packages for link in _foreign_imports(graph, package, known)]
        return ContractCheck(kept=not foreign, metadata={"foreign": foreign})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each import that breaks the contract."""
        for importer, imported in check.metadata["foreign"]:
            output.print_error(f"{importer} imports {imported}", bold=False)


def _foreign_imports(graph: ImportGraph, package: str, known: set[str]) -> list[tuple[str, str]]:
    own = {package, *graph.find_descendants(package)}
    return [
        (importer, imported)
        for importer in sorted(own)
        for imported in sorted(graph.find_modules_directly_imported_by(importer) - own)
        if imported.partition(".")[0] not in known
    ]
