"""The pocket world: animated objects in painted places, with captions that are exact because code made both."""
