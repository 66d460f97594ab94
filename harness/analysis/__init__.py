"""Questions asked of existing records."""
