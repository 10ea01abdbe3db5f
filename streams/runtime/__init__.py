"""Exactly-once stream processing on Faust and Kafka transactions; knows nothing of payments."""
