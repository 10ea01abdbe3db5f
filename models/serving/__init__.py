"""Scores from an artifact: numpy and onnxruntime, nothing of scikit-learn and nothing of the stream."""
