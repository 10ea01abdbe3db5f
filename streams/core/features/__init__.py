"""What do we know about an event before deciding about it, as one vector of named numbers?"""

from __future__ import annotations

from streams.core.features.catalogue import FEATURE_NAMES, FEATURE_SET, FEATURES, MISSING, Features, FeatureSpec

__all__ = ["FEATURES", "FEATURE_NAMES", "FEATURE_SET", "MISSING", "FeatureSpec", "Features"]
