"""The parts of node `simulation`, each between its topics and `openmtz.simulation.cell`, which decides."""
