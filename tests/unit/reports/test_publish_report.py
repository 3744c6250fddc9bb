"""The report of a small bank against pandas, and of a bank without tables."""

import re
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
from pyspark.sql import SparkSession

from databank.config import Settings
from databank.reports.build import JOB, Collected, collect, draw, lead_sentence
from databank.reports.page import Section, render
from databank.reports.section import Notes
from databank.reports.sections.clusters import LARGEST, SIZES
from databank.reports.sections.identity import EntityKind, Identity
from databank.runs import Runner
from databank.runs.progress import Progress
from databank.tables import DeltaStore
from tests.unit.reports.bank import CONFIG, DAY, STAGES, HandMade, bank_frames, publish

KEYS = (
    "assets", "visits", "lifecycle", "rfm", "audiences", "lookalike", "tags", "models", "oneid",
    "quality",
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A report with all that a test compares it with."""

    page: str
    collected: Collected
    sections: dict[str, Section]
    rows: dict[str, pd.DataFrame]

    def data(self, key: str) -> Any:
        """What one section collected."""
        return self.collected.data[key]

    def says(self, key: str, title: str) -> str:
        """The sentence of one panel."""
        return next(p.summary for p in self.sections[key].panels if p.title.startswith(title))


@pytest.fixture(scope="module")
def made(spark_session: SparkSession) -> Made:
    rows = bank_frames(40, 7)
    collected = collect(HandMade(spark_session, rows))
    sections = draw(collected, CONFIG)
    page = render(CONFIG.title, DAY, lead_sentence(collected.totals), sections)
    return Made(page, collected, {section.key: section for section in sections}, rows)


def test_every_section_is_on_the_page(made: Made) -> None:
    assert tuple(re.findall(r'<section id="(\w+)"', made.page)) == KEYS
    assert not any(section.missing for section in made.sections.values())


def test_the_page_asks_the_network_for_nothing(made: Made) -> None:
    own = made.page
    for script in re.findall(r"<script>.*?</script>", made.page, re.S):
        own = own.replace(script, "") if len(script) > 1_000_000 else own
    assert len(own) < 300_000
    assert not re.search(r"https?://|@import|url\(|\bsrc=", own)
    assert all(href.startswith("#") for href in re.findall(r'href="([^"]*)"', own))
    assert "default-src 'none'" in own


def test_plotly_is_inside_once(made: Made) -> None:
    assert made.page.count("plotly.js v") == 1


def test_no_identifier_reason_or_raw_text_is_on_the_page(made: Made) -> None:
    values = made.rows["identity.identifier"]["id_value"]
    assert not [value for value in values if value in made.page]
    assert "SECRET" not in made.page


def test_every_picture_is_a_valid_figure(made: Made) -> None:
    pictures = [p.figure for s in made.sections.values() for p in s.panels if p.figure]
    assert len(pictures) >= 15
    for picture in pictures:
        assert go.Figure(picture).data


def test_no_panel_is_empty(made: Made) -> None:
    for section in made.sections.values():
        assert section.panels
        for panel in section.panels:
            assert panel.title
            assert panel.summary
            assert panel.figure or (panel.grid and panel.grid.rows)


def test_the_lead_counts_events_persons_and_audiences(made: Made) -> None:
    events, people = len(made.rows["core.events"]), made.rows["identity.person"]["person_id"]
    held = made.rows["identity.person"].merge(made.rows["identity.identifier"], on="id_key")
    alone = held[held.groupby("person_id")["id_key"].transform("size") == 1]
    assert set(alone["id_type"]) == {"cookie"}
    assert lead_sentence(made.collected.totals) == (
        f"{events:,} events of {people.nunique()} persons ({len(alone)} of them a single cookie) "
        "from 5 sources, 4 audiences ready for use."
    )


def test_quarantined_share_is_of_rows_read(made: Made) -> None:
    read = made.rows["raw.file"]["rows"].sum()
    held = len(made.rows["ops.quarantine"])
    assert made.sections["assets"].summary == (
        f"{read:,} rows came from 5 sources; {held} of them ({held / read:.1%}) wait in quarantine."
    )


def test_events_without_person_are_counted(made: Made) -> None:
    events = made.rows["core.events"]
    nobody = int(events["id_key"].isna().sum())
    assert (
        f"{nobody} events ({nobody / len(events):.1%} of all)" in made.sections["quality"].summary
    )


def test_persons_with_two_identifiers_or_more_are_counted(made: Made) -> None:
    counts = made.rows["identity.person"].groupby("person_id").size()
    several = int((counts > 1).sum())
    assert made.says("oneid", "Identifiers per person").startswith(
        f"{several} of {len(counts)} persons ({several / len(counts):.1%})"
    )


def test_who_belongs_together_is_counted(made: Made) -> None:
    sizes = made.rows["identity.entity"].groupby("entity_id").size()
    shared = int(sizes[sizes > 1].sum())
    assert made.says("oneid", "Who belongs together").startswith(f"{shared} of 40 persons share")
    assert made.data("oneid").entities == (
        EntityKind("household", len(sizes), int(sizes.sum()), shared, int(sizes.max()), 1),
    )
    # an address is nobody's identifier
    assert "address" not in {kind.id_type for kind in made.data("oneid").id_types}


def test_persons_by_size_and_the_largest_ones(made: Made) -> None:
    sizes = made.rows["identity.person"].groupby("person_id").size()
    classes = sizes[sizes > 1].map(lambda n: max(begin for begin in SIZES if begin <= n))
    assert {size.begin: size.persons for size in made.data("oneid").clusters.sizes} == (
        classes.value_counts().to_dict()
    )
    order = sorted(sizes.items(), key=lambda person: (-person[1], person[0]))
    assert [
        (person.person_id, person.identifiers) for person in made.data("oneid").clusters.largest
    ] == order[:LARGEST]
    for person in made.data("oneid").clusters.largest:
        # the edges are chains; one link of the first person is rejected
        assert person.conflicts == (person.person_id == 1)
        links = person.identifiers - 1 - person.conflicts
        assert (person.links, person.bridges, person.weak_bridges) == (links, links, links - 2)
        assert sum(n for _, n in person.kinds) == person.identifiers


def test_the_person_with_most_weak_bridges_and_conflicts_is_drawn(made: Made) -> None:
    sizes = made.rows["identity.person"].groupby("person_id").size().to_dict()
    # the edges are chains; the first link of the first person is rejected
    weak_bridges = {p: max(0, n - 3 - (p == 1)) for p, n in sizes.items()}
    odd = min(sizes, key=lambda p: (-weak_bridges[p] - (p == 1), p))
    person = made.data("oneid").clusters.doubtful
    assert (person.person_id, person.identifiers, person.weak_bridges) == (
        odd,
        sizes[odd],
        weak_bridges[odd],
    )
    assert person.conflicts == (odd == 1)
    assert made.says("oneid", "The person to look at").startswith(
        f"Person {odd} has {sizes[odd]} identifiers, with {weak_bridges[odd]} weak bridges (red) "
        f"and {2 + person.conflicts} rejected links (dashed)."
    )


def test_the_drawing_tells_types_and_numbers_and_reasons_without_values(made: Made) -> None:
    panel = next(p for p in made.sections["oneid"].panels if p.title.startswith("The person to"))
    assert panel.figure is not None
    hovers = {text for trace in panel.figure["data"] for text in trace.get("hovertext", ())}
    assert any("phone 1" in text for text in hovers)
    assert any("imei seen with 31 different user_id (limit 1)" in text for text in hovers)
    # the reason of what was blocked by hand tells the value: here only the rule
    assert any(text.endswith("rejected link<br>blocked") for text in hovers)
    assert any("seen together last on 30 March 2026" in text for text in hovers)
    keys = made.rows["identity.identifier"]["id_key"]
    assert not [key for key in keys if re.search(rf"\b{key}\b", str(panel.figure))]


def test_a_bank_whose_persons_hang_together_well_shows_no_person(
    spark_session: SparkSession,
) -> None:
    rows = bank_frames(20, 7)
    rows["identity.edges"] = rows["identity.edges"].iloc[:0]
    rows["identity.rejected"] = rows["identity.rejected"].iloc[:0]
    data = Identity().collect(HandMade(spark_session, rows))
    assert data.clusters.doubtful is None
    oneid = Identity().draw(data, Notes(DAY, CONFIG))
    assert oneid is not None
    assert not [p for p in oneid.panels if p.title.startswith("The person to look")]


def test_the_most_identifiers_of_a_type_that_one_person_has(made: Made) -> None:
    held = made.rows["identity.identifier"].merge(made.rows["identity.person"], on="id_key")
    most = held.groupby(["id_type", "person_id"]).size().groupby("id_type").max()
    assert {t.id_type: t.most for t in made.data("oneid").id_types if t.most} == most.to_dict()


def test_only_changes_of_the_newest_day_are_told(made: Made) -> None:
    assert made.data("oneid").changes == {"new": 9, "merge": 3, "split": 1}


def test_excluded_identifiers_are_counted_by_type_without_figures_of_one_value(made: Made) -> None:
    excluded = {(x.reason, x.rule, x.id_type, x.n) for x in made.data("oneid").excluded}
    assert excluded == {
        ("imei seen with too many different user_id (limit 1)", "limit", "imei", 2),
        ("", "blocked", "phone", 1),
    }


def test_flow_since_the_first_day_matches_pandas(made: Made) -> None:
    flow = made.rows["lifecycle.flow"]
    flow = flow[flow["day_to"] == DAY]
    rank = {stage: i for i, stage in enumerate(STAGES)}
    start, end = flow["stage_from"].map(rank), flow["stage_to"].map(rank)
    persons = flow["persons"].astype(int)
    up, down = persons[end > start].sum(), persons[end < start].sum()
    out = persons[start.notna() & end.isna()].sum()
    came = persons[start.isna() & end.notna()].sum()
    assert made.sections["lifecycle"].summary.startswith(
        f"{up} persons moved up, {down} moved down, {out} dropped out and {came} came in "
        "since 1 March."
    )


def test_stages_are_those_of_the_newest_day(made: Made) -> None:
    stages = made.rows["lifecycle.stage"]
    expected = stages[stages["day"] == DAY]["stage"].value_counts().to_dict()
    assert made.data("lifecycle").stages == expected


def test_rfm_money_is_the_sum_of_all_cells(made: Made) -> None:
    money = made.rows["lifecycle.rfm"]["monetary"].astype(float).sum()
    assert f"together they stand for {money:,.0f} CNY" in made.sections["rfm"].summary


def test_tag_coverage_is_a_share_of_all_persons(made: Made) -> None:
    tags = made.rows["tags.person_tag"].groupby("tag")["person_id"].nunique()
    assert {tag.tag: tag.persons for tag in made.data("tags").tags} == tags.to_dict()


def test_a_value_of_few_persons_is_not_shown_by_itself(made: Made) -> None:
    shown = {value: n for tag, value, n in made.data("tags").values if tag == "favourite_category"}
    tags = made.rows["tags.person_tag"]
    counted = tags[tags["tag"] == "favourite_category"]["value_string"].value_counts()
    often = counted[counted >= 5].to_dict()
    assert shown == often | {"rarer values": int(counted[counted < 5].sum())}


def test_classes_of_numbers_hold_every_person_once(made: Made) -> None:
    tags = made.rows["tags.person_tag"]
    for tag in ("logins_30d", "spend_90d"):
        persons = sum(n for name, _, n in made.data("tags").values if name == tag)
        assert persons == (tags["tag"] == tag).sum()


def test_the_champion_is_shown_and_a_later_refusal_told(made: Made) -> None:
    churn = next(model for model in made.data("models") if model.model == "churn")
    assert (churn.version, churn.auc, churn.refused_on) == (2, 0.78, DAY)
    assert "refused by the gate: churn (31 March 2026)" in made.says("models", "The versions")


def test_overlaps_of_audiences_match_pandas(made: Made) -> None:
    member = made.rows["audiences.member"]
    member = member[member["day"] == DAY]
    sets = {name: set(rows["person_id"]) for name, rows in member.groupby("audience")}
    assert {name: n for name, _, n in made.data("audiences").sizes} == {
        k: len(v) for k, v in sets.items()
    }
    expected = {(a, b): len(sets[a] & sets[b]) for a, b in combinations(sorted(sets), 2)}
    assert made.data("audiences").overlaps == {pair: n for pair, n in expected.items() if n}


def test_an_audience_that_nobody_is_in_is_listed(made: Made) -> None:
    assert made.says("audiences", "Who is in them") == "Nobody is in 1 of 5 audiences."


def test_repeated_and_late_rows_of_the_load_are_told(made: Made) -> None:
    assert made.says("quality", "Rows of this load") == (
        "Of 1,300 rows read on 31 March 2026, 41 repeated what the bank held or were older, "
        "and 7 came late."
    )


def test_persons_beyond_all_levels_are_counted(made: Made) -> None:
    (lookalike,) = made.data("lookalike")
    assert lookalike.levels == (("high", 8), ("medium", 22), ("beyond all levels", 9))


def test_refused_jobs_are_named(made: Made) -> None:
    assert made.says("quality", "Seconds by job").endswith("train_model was refused by a gate.")


def test_a_bank_without_tables_gets_a_page_of_reasons(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    runner = Runner(
        DeltaStore(spark_session, str(tmp_path)), Settings(), progress=Progress(quiet=True)
    )
    assert runner.run(JOB, CONFIG, day=DAY, config_hash="one").outcome == "done"
    page = (tmp_path / "reports/latest.html").read_text(encoding="utf-8")
    assert page.count('class="missing"') == len(KEYS)
    assert 'class="plot"' not in page
    assert "<table>" not in page
    assert (
        "lifecycle.stage is not published yet; the job build_lifecycle fills this section" in page
    )
    assert page == (tmp_path / f"reports/databank-{DAY}.html").read_text(encoding="utf-8")


def test_a_table_published_later_or_a_lost_page_makes_the_report_anew(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    runner = Runner(
        DeltaStore(spark_session, str(tmp_path)), Settings(), progress=Progress(quiet=True)
    )

    def outcome() -> str:
        return runner.run(JOB, CONFIG, day=DAY, config_hash="one").outcome

    assert (outcome(), outcome()) == ("done", "unchanged")
    publish(DeltaStore(spark_session, str(tmp_path)), "audiences.member", rows=bank_frames(20, 7))
    assert outcome() == "done"
    page = (tmp_path / "reports/latest.html").read_text(encoding="utf-8")
    # audiences, and the seconds of the first run
    assert page.count('class="missing"') == len(KEYS) - 2
    assert "How audiences overlap" in page
    assert outcome() == "unchanged"
    (tmp_path / "reports/latest.html").unlink()
    assert outcome() == "done"
    assert (tmp_path / "reports/latest.html").exists()
