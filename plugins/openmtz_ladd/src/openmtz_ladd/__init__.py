"""OpenMTZ indication: laser-assisted drug delivery: channels for an agent."""
