"""Words on the wire: every event, decision, case, lock and signal, and the topics that carry them."""
