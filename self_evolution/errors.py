"""The two ways in which work ends early on purpose."""


class UserError(Exception):
    """A mistake that the person at the keyboard can mend: ends with exit status 2.

    The message names what was given, what was expected and what to do next, in one or two lines.
    """


class Stopped(Exception):
    """The person pressed Ctrl-C; the batch in hand was committed. Ends with exit status 130."""
