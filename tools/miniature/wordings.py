"""The attributes of the invented world and how each fact is worded.

A fact has three separate sets of wordings. Documents state it in the first. Questions that the
base model asks are always in the second (`asking`). The third (`evaluation`) is kept for
measuring, so that a good score shows that the fact was learnt and not a string.

Every value and every name stands behind a space, in documents and in answers alike: a byte-level
tokenizer encodes " red" and "red" differently, and only what is encoded alike can be copied.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """One kind of fact. In wordings {e} is "alarm Bramo", {E} "Alarm Bramo", {v} the value."""

    key: str
    documents: tuple[str, ...]
    asking: tuple[str, ...]
    evaluation: tuple[str, ...]
    answer: str

    @property
    def questions(self) -> tuple[str, ...]:
        """All wordings of the question; the base has to understand every one."""
        return self.asking + self.evaluation


def _attribute(key: str, answer: str, documents: str, asking: str, evaluation: str) -> Attribute:
    """Wordings are written one a line below, which keeps the tables readable."""

    def lines(block: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in block.strip().splitlines())

    return Attribute(key, lines(documents), lines(asking), lines(evaluation), answer)


ALARM = (
    _attribute(
        "colour",
        "The colour of {e} is {v}.",
        """{E} lights up in {v}.
        The colour of {e} is {v}.
        On the wall display {e} is drawn in {v}.""",
        """What colour is {e}?
        What is the colour of {e}?
        Which colour does {e} have?
        In which colour does {e} light up?""",
        """How is {e} coloured on the display?
        Name the colour that marks {e}.""",
    ),
    _attribute(
        "code",
        "The code of {e} is {v}.",
        """{E} is reported with code {v}.
        The code of {e} is {v}.
        The log lists {e} under code {v}.""",
        """What is the code of {e}?
        Which code does {e} have?
        With which code is {e} reported?
        What code stands for {e}?""",
        """Under what code is {e} logged?
        Give the code that identifies {e}.""",
    ),
    _attribute(
        "team",
        "The team for {e} is {v}.",
        """{E} is handled by team {v}.
        The team for {e} is {v}.
        Day and night, team {v} looks after {e}.""",
        """Which team handles {e}?
        What team is in charge of {e}?
        Who handles {e}?
        Which team looks after {e}?""",
        """Who has to deal with {e}?
        To which crew does {e} belong?""",
    ),
    _attribute(
        "severity",
        "The severity of {e} is {v}.",
        """{E} has a severity of {v}.
        The severity of {e} is {v}.
        On the scale from 1 to 10, {e} stands at {v}.""",
        """What is the severity of {e}?
        How severe is {e}?
        Which severity does {e} have?
        What severity is given to {e}?""",
        """How serious is {e}?
        State how grave {e} is.""",
    ),
    _attribute(
        "clearing",
        "The clearing time of {e} is {v}.",
        """{E} clears after {v}.
        The clearing time of {e} is {v}.
        Once the cause is gone, {e} stays on for {v}.""",
        """When does {e} clear?
        After how long does {e} clear?
        How long does it take until {e} clears?
        What is the clearing time of {e}?""",
        """How soon does {e} vanish?
        For what time does {e} remain active?""",
    ),
)
NODE = (
    _attribute(
        "site",
        "The site of {e} is {v}.",
        """{E} stands in {v}.
        The site of {e} is {v}.
        Visitors find {e} in {v}.""",
        """Where does {e} stand?
        What is the site of {e}?
        In which town is {e}?
        Where is {e}?""",
        """At which location is {e} installed?
        Name the place that hosts {e}.""",
    ),
    _attribute(
        "maker",
        "The maker of {e} is {v}.",
        """{E} was built by {v}.
        The maker of {e} is {v}.
        The plate on {e} names {v} as the maker.""",
        """Who built {e}?
        Who is the maker of {e}?
        Which company made {e}?
        Which firm built {e}?""",
        """From which manufacturer does {e} come?
        Name the vendor of {e}.""",
    ),
    _attribute(
        "power",
        "The power of {e} is {v}.",
        """{E} draws {v}.
        The power of {e} is {v}.
        Under full load {e} needs {v}.""",
        """How much power does {e} draw?
        What is the power of {e}?
        What power does {e} need?
        How many watts does {e} draw?""",
        """What load does {e} put on the supply?
        How much electricity does {e} consume?""",
    ),
    _attribute(
        "rack",
        "The rack of {e} is {v}.",
        """{E} sits in rack {v}.
        The rack of {e} is {v}.
        Engineers open rack {v} to reach {e}.""",
        """In which rack does {e} sit?
        What is the rack of {e}?
        Which rack holds {e}?
        Which rack do engineers open to reach {e}?""",
        """Which cabinet houses {e}?
        Tell me where {e} is mounted.""",
    ),
    _attribute(
        "backup",
        "The backup of {e} is node {v}.",
        """{E} is backed up by node {v}.
        The backup of {e} is node {v}.
        If {e} fails, its traffic goes to node {v}.""",
        """What is the backup of {e}?
        Which node backs up {e}?
        Which node takes over from {e}?
        By which node is {e} backed up?""",
        """What steps in when {e} is down?
        Name the reserve for {e}.""",
    ),
)
PROCEDURE = (
    _attribute(
        "tool",
        "The tool for {e} is the {v}.",
        """{E} needs the {v}.
        The tool for {e} is the {v}.
        Engineers bring the {v} for {e}.""",
        """Which tool does {e} need?
        What is the tool for {e}?
        What do engineers bring for {e}?
        What tool is used in {e}?""",
        """What equipment is required for {e}?
        Name the instrument to pack for {e}.""",
    ),
    _attribute(
        "duration",
        "The duration of {e} is {v}.",
        """{E} takes {v}.
        The duration of {e} is {v}.
        Plan a window of {v} for {e}.""",
        """How long does {e} take?
        What is the duration of {e}?
        How many minutes does {e} take?
        How long is {e}?""",
        """How much time should be planned for {e}?
        What is the length of {e}?""",
    ),
    _attribute(
        "start",
        "The start of {e} is at {v}.",
        """{E} starts at {v}.
        The start of {e} is at {v}.
        By the clock of the control room, {e} begins at {v}.""",
        """When does {e} start?
        At what time does {e} start?
        When is the start of {e}?
        What is the starting time of {e}?""",
        """At which hour is {e} launched?
        Tell me the time when {e} begins.""",
    ),
    _attribute(
        "approver",
        "The approver of {e} is {v}.",
        """{E} is approved by {v}.
        The approver of {e} is {v}.
        Nobody but {v} may sign off {e}.""",
        """Who approves {e}?
        Who is the approver of {e}?
        By whom is {e} approved?
        Who may approve {e}?""",
        """Whose consent does {e} require?
        Name the person who signs off {e}.""",
    ),
    _attribute(
        "form",
        "The form for {e} is {v}.",
        """{E} is recorded on form {v}.
        The form for {e} is {v}.
        Fill in form {v} after {e}.""",
        """Which form belongs to {e}?
        What is the form for {e}?
        On which form is {e} recorded?
        What form is filled in after {e}?""",
        """Which paper documents {e}?
        Give the sheet to complete for {e}.""",
    ),
)
TYPES: dict[str, tuple[Attribute, ...]] = {"alarm": ALARM, "node": NODE, "procedure": PROCEDURE}
