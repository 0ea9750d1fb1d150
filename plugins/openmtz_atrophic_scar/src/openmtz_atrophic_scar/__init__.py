"""OpenMTZ indication: atrophic acne scars: rolling, boxcar, icepick."""
