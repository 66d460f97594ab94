"""Records in the formats of leaderboards: Every Eval Ever and the Hugging Face Hub."""
