"""The simulated scan head: a device in its own process, behind a pseudo-terminal, with faults on demand."""
