"""Questions asked of records that are there already."""
