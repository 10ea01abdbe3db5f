"""What touches the outside: codec, Prometheus, policy file, model scorer, sinks and stores, each behind a port."""
