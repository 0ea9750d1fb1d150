"""Tables of docs/nodes/: read from the source of the nodes, written as Markdown."""
