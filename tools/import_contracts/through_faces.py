"""import-linter's own layers and forbidden imports, with every face seen through."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import ContractCheck
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

from tools.import_contracts.house import house_of


def see_through_faces(graph: ImportGraph, packages: list[str]) -> None:
    """Add to `graph` an import of the module behind each name that is imported from a face."""
    for each in (found for package in packages for found in house_of(package).imports):
        if not graph.direct_import_exists(importer=each.importer, imported=each.imported):
            graph.add_import(
                importer=each.importer,
                imported=each.imported,
                line_number=each.line,
                line_contents=f"through {each.named}",
            )


class ForbiddenThroughFaces(ForbiddenContract):
    """`forbidden`, where a name on a face leads to the module that has it. The same options."""

    type_name = "forbidden_through_faces"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at the graph behind the faces."""
        see_through_faces(graph, self.session_options["root_packages"])
        return super().check(graph, verbose)


class LayersThroughFaces(LayersContract):
    """`layers`, where a name on a face leads to the module that has it. The same options."""

    type_name = "layers_through_faces"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at the graph behind the faces."""
        see_through_faces(graph, self.session_options["root_packages"])
        return super().check(graph, verbose)
