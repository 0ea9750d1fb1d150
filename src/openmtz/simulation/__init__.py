"""The simulated world: patient, arm, camera, scan head, and what every shot truly hit; a room a subject.

No names of its own: the simulated scan head's process imports this package and must stay lean.
"""
