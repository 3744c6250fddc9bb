"""The page guide/identity-example: every table on it is what resolve_identity makes."""

import re
from importlib.resources import files

import networkx as nx
import pytest
import yaml
from pyspark.sql import SparkSession

from databank.identity.tables import EDGES, PERSON
from tests.unit.identity.world import World

PAGE = files("databank").joinpath("docs/guide/identity-example.md").read_text(encoding="utf-8")


def table(*head: str) -> list[list[str]]:
    """Read the cells of the table with these columns."""
    first = re.escape(f"| {' | '.join(head)} |")
    [body] = re.findall(rf"^{first}\n\|[-|]+\|\n((?:\|.*\|\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in body.splitlines()]


@pytest.fixture(scope="module")
def world(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    records = table("record", "identifiers", "times")
    lines = [ids for _, ids, times in records for _ in range(int(times))]
    made = World(spark_session, tmp_path_factory.mktemp("example"), *lines)
    [rules] = re.findall(r"```yaml\n# conf/identity.yml\n(.*?)```", PAGE, re.DOTALL)
    made.resolve(**yaml.safe_load(rules))
    return made


def test_edges_are_those_of_the_page(world: World) -> None:
    rows = world.bank.rows(EDGES, "a_key", "b_key", "n")
    edges = [[world.word(a), world.word(b), str(n)] for a, b, n in rows]
    assert sorted(edges) == sorted(table("a", "b", "n"))


def test_exclusions_and_rejections_are_those_of_the_page(world: World) -> None:
    rejected = {(frozenset((a, b)), rule) for a, b, rule in world.rejected()}
    assert rejected == {(frozenset((a, b)), rule) for a, b, rule in table("a", "b", "rule")}


def test_components_are_what_the_allowed_edges_connect() -> None:
    excluded = {a for a, b, _ in table("a", "b", "rule") if not b}
    edges = [{a, b} for a, b, _ in table("a", "b", "n")]
    allowed = nx.Graph(tuple(edge) for edge in edges if not edge & excluded)
    components = {frozenset(line.split()) for [line] in table("component")}
    assert set(map(frozenset, nx.connected_components(allowed))) == components


def test_persons_are_those_of_the_page(world: World) -> None:
    rows = world.bank.rows(PERSON, "person_id", "id_key")
    persons: dict[str, set[str]] = {}
    for person, key in rows:
        persons.setdefault(str(person), set()).add(world.word(key))
    assert persons == {person: set(ids.split()) for person, ids in table("person", "identifiers")}
