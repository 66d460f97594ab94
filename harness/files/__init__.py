"""The ground floor: whole files, hashes, file names, stored arrays, and the cache folder."""
