"""What the models are trained on: shards of clips, a manifest of their sources, latents for the transformer."""
