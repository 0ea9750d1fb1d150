"""Scripts of the project; a package, so that import-linter finds `tools.import_contracts` by name."""
