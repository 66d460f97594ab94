"""A search: the images of a folder that look most like a query, by a trained network."""
