"""Statistical models only: training, serving, monitoring and the registry of artifacts."""
