"""From a history with late labels to an artifact that a worker may serve. The only place that knows scikit-learn."""
