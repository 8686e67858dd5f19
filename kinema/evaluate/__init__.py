"""What a film shows, read back from its pixels, and how far that is what its sentence said."""
