"""Which kinds of model are compared, with which settings?

Few settings per family, chosen from what is known to matter on data like this; the search is over weeks, not over a
large grid, because a week holds a few hundred frauds and more choices would be fitted to their noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Family(NamedTuple):
    """A kind of model: how to make one, and the settings to choose from."""

    name: str
    make: Callable[..., Any]
    settings: tuple[dict[str, Any], ...]


def _logistic(seed: int, **settings: Any) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(random_state=seed, max_iter=500, **settings))


def _forest(seed: int, **settings: Any) -> Any:
    return RandomForestClassifier(random_state=seed, n_jobs=1, **settings)


def _extra(seed: int, **settings: Any) -> Any:
    return ExtraTreesClassifier(random_state=seed, n_jobs=1, **settings)


def _boosting(seed: int, **settings: Any) -> Any:
    return HistGradientBoostingClassifier(random_state=seed, early_stopping=False, **settings)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("logistic", _logistic, ({"C": 1.0}, {"C": 0.05})),
        Family(
            "random_forest",
            _forest,
            (
                {"n_estimators": 100, "max_depth": 14, "min_samples_leaf": 3, "max_features": 0.3},
                {"n_estimators": 100, "max_depth": 10, "min_samples_leaf": 5, "max_features": "sqrt"},
            ),
        ),
        Family(
            "hist_boosting",
            _boosting,
            (
                {"max_iter": 150, "learning_rate": 0.05, "max_leaf_nodes": 15, "l2_regularization": 5.0},
                {"max_iter": 250, "learning_rate": 0.03, "max_leaf_nodes": 8, "l2_regularization": 20.0},
            ),
        ),
        Family(
            "extra_trees",
            _extra,
            (
                {"n_estimators": 100, "max_depth": 16, "min_samples_leaf": 5, "max_features": 0.5},
                {"n_estimators": 150, "max_depth": 12, "min_samples_leaf": 3, "max_features": 0.5},
            ),
        ),
    )
}
