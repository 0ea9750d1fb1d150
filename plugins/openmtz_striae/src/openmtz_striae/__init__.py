"""OpenMTZ indication: striae distensae: rubrae and alba."""
