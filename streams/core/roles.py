"""Who may act, and who may do what takes more than one analyst?"""

from __future__ import annotations

from typing import Final

# Not policy: who may do what is part of the promise of this program, and a policy file is edited by too many hands.
ANALYSTS: Final = frozenset({"analyst", "supervisor", "admin"})
SUPERVISORS: Final = frozenset({"supervisor", "admin"})
