"""Our own model as torch modules: an autoencoder, a text encoder and a transformer that fills a canvas of latents."""
