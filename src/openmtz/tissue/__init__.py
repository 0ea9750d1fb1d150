"""What light does to skin: ablation, coagulation, heat. Models with stated bands, never a promise."""
