# SPDX-License-Identifier: Apache-2.0
"""A row of the table: what is measured, what it should be, what it is."""

import dataclasses
import operator

SENSES = {"at least": operator.ge, "at most": operator.le}


@dataclasses.dataclass
class Row:
    name: str
    title: str
    unit: str
    sense: str = None      # "at least" or "at most", None without a goal
    goal: float = None
    heavy: bool = False    # left out by --quick
    value: float = None
    note: str = ""         # what was run, or why there is no value
    failed: bool = False   # it should have been measured

    def set(self, value, note=""):
        self.value, self.note, self.failed = round(value, 3), note, False

    def miss(self, reason, failed):
        """failed: what was measured is to blame; otherwise what it takes is not here."""
        self.value, self.note, self.failed = None, reason, failed

    @property
    def met(self):
        """None where there is no goal, or no value and nobody to blame."""
        if self.value is None:
            return False if self.failed and self.goal is not None else None
        return SENSES[self.sense](self.value, self.goal) if self.goal is not None else None

    def to_object(self):
        return {"name": self.name, "value": self.value, "unit": self.unit, "goal": self.goal,
                "met": self.met}
