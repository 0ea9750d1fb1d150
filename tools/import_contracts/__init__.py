"""Import rules of this project, as contract types of import-linter.

Rooms open onto each other through a lazy face: a package whose `__init__.pyi` says which of its modules
defines each name. import-linter sees an import of a face, and nothing behind it, so these contracts read
the source and the faces themselves: an import of a name on a face is an import of the module that has it.

`imports` reads import statements, `faces` what a face names, `house` puts both together; `rules` finds
what breaks a rule, and `contracts` and `through_faces` give the rules to import-linter. They are named in
`pyproject.toml` under `contract_types`.
"""
