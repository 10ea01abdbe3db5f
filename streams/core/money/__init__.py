"""Rules about money that should have arrived: event-time timers against the ledger (domain 4.2)."""
