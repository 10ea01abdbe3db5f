"""Support cases of one account: opened once, appended to, raised, withdrawn, worked on by operators."""
