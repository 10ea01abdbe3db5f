"""Locks as a saga: commanded, acknowledged, expired or lifted; and the cap on the damage that a bad rule can do."""
