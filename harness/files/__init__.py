"""Files on the ground floor: atomic writes, hashes, names, the cache folder."""
