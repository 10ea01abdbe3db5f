"""What is a table of the policy file made of?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from streams.contracts.base import Currency, Minor

Mode = Literal["observe", "enforce"]
OutcomeLabel = Literal["allow", "notify", "step_up", "review", "hold", "block"]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[int, Meta(ge=0)]
# Minor units by currency. A currency that is not listed is converted from the first one listed, at the rates in force
# when the policy takes effect. Without a rate there is no amount, and a rule that needs one says "not applicable".
Amounts: TypeAlias = dict[Currency, Minor]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the policy file. Defaults live in policy.default.toml, so that every number has one home."""


@cache  # by class: msgspec reads all annotations again each time, which was most of what reading a policy took
def fields_of(table: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The keys of a table of this class, in their order."""
    return msgspec.structs.fields(table)


class Problem(NamedTuple):
    """Something types cannot refuse: what is wrong with `key`, and what to do."""

    problem: str
    key: str
    remedy: str


class RuleSection(Section, frozen=True, kw_only=True):
    """What every rule's table has. `outcomes` holds one outcome per band, the mildest band first."""

    BANDS: ClassVar[int] = 0  # of a rule whose bands are not a row of thresholds; 0: as many as there are outcomes
    LISTS: ClassVar[frozenset[str]] = frozenset()  # rows of values that are no bands

    enabled: bool
    mode: Literal["inherit", "observe", "enforce"]  # inherit: the mode of the policy
    outcomes: tuple[OutcomeLabel, ...]

    def problems(self) -> Iterator[Problem]:
        """Contradictions inside the table; the bands are checked here for every rule."""
        if len(self.outcomes) != (self.BANDS or max(1, len(self.outcomes))):
            yield Problem(f"{len(self.outcomes)} outcomes", "outcomes", f"give {self.BANDS or 'one per band'}")
        if not rise(self.outcomes):
            yield Problem("a higher band has a milder outcome", "outcomes", "let outcomes rise with the band")
        for name in self.__struct_fields__:
            bands = getattr(self, name)
            if name == "outcomes" or name in self.LISTS or not isinstance(bands, tuple):
                continue
            if len(bands) != len(self.outcomes):
                yield Problem(f"{len(bands)} bands but {len(self.outcomes)} outcomes", name, "give one value per band")
            elif list(bands) != sorted(set(bands)):
                yield Problem(
                    "bands do not rise",
                    name,
                    "let thresholds rise; of equal ones the milder is never reached",
                )


def rise(outcomes: tuple[OutcomeLabel, ...]) -> bool:
    """Whether no band has a milder outcome than the one before it."""
    ranks = [_RANK[outcome] for outcome in outcomes]
    return ranks == sorted(ranks)


_RANK = {label: rank for rank, label in enumerate(("allow", "notify", "step_up", "review", "hold", "block"))}
