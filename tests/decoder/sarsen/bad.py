"""Bad: bytes that are not as FORMAT.md says. Refused: a repository that cannot be opened."""


class Bad(Exception):
    """Stored bytes broke a rule; the text names the rule, for people."""


class Refused(Exception):
    """Opening is refused; the text is one of the words that a verdict prints."""


class Missing(Exception):
    """A package from requirements.txt is needed for this repository, and is not installed."""


def need(holds, rule):
    if not holds:
        raise Bad(rule)
