"""What entries of the configuration refer to by their expressions."""

from databank.expressions import Expression
from databank.identity.entities.config import PERSON
from databank.identity.entities.subject import Subject

# of a household, an account: the name for how many persons are in it
PERSONS = "persons"


class Refers:
    """Mixin of configured entries: which tags, models and audiences their expressions name.

    An entry gives `expressions`; where it has a field `entity`, they are about that entity.
    """

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """All expressions of the entry."""
        return ()

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """Those of them that have to be yes or no."""
        return ()

    @property
    def references(self) -> frozenset[str]:
        """Names of the tags it uses."""
        names = frozenset(name for each in self.expressions for name in each.names)
        return names if self.subject.is_person else names - {PERSONS}

    @property
    def models(self) -> frozenset[str]:
        """Names of the models whose scores it uses."""
        return self._targets("model")

    @property
    def audiences(self) -> frozenset[str]:
        """Names of the audiences it uses."""
        return self._targets("audience")

    def refuse_what_persons_have(self) -> None:
        """Raise if the entry is about an entity and asks for what only a person has.

        Raises:
            ValueError: `what is wrong; what to write instead`.
        """
        macros = (macro for each in self.expressions for macro in each.macros)
        used = sorted(macro.name for macro in macros if macro.spec.persons_only)
        if used and not self.subject.is_person:
            raise ValueError(
                f"a {self.subject.name} has no {used[0]}(); put the persons into an audience and "
                "ask in_audience(...)"
            )

    @property
    def subject(self) -> Subject:
        """Whom the entry is about; an entry without `entity` is about persons."""
        return Subject(getattr(self, "entity", PERSON))

    def _targets(self, node: str) -> frozenset[str]:
        uses = (m for each in self.expressions for m in each.macros if m.spec.node == node)
        return frozenset(str(m.target) for m in uses)
