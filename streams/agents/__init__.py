"""Wiring of the pure core to the runtime: decode, prepare, score, decide, encode."""
