"""The parts of node `simulation`: arm, camera, sensors, lines, faults, truth, control."""
