"""Dashboards, recording rules and alerts: what people look at and what wakes them."""
