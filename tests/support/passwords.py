"""Which password has everybody in a test?"""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher

PASSWORD: Final = "a long enough password"
# A hash names what it costs to check it: this one costs a thousandth of what a real one does.
HASH: Final = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
