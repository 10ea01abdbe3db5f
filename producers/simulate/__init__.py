"""What could happen at a wallet: seeded stories, told as events. Same scenario, seed and parameters: same bytes."""
