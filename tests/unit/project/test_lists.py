"""Lists of identifiers: what `databank validate` finds of them, without Spark."""

from pathlib import Path

import pytest

from databank.errors import ConfigFaultsError
from databank.project import Project, load_project
from databank.project.jobs import job_config
from databank.tags.kinds.person_list import PersonListTag

IDENTITY = """
identifiers: [user_id, phone, email, wechat_openid, landline, imei]
entities: {household: {by: [address]}}
"""
SOURCE = """
source: {0}
format: csv
path: {0}/*.csv
becomes: profiles
columns: {{record_id: id}}
identifiers: {1}
"""
CRM = "{phone: mobile, user_id: user, address: home, wechat_openid: {column: o, scope_value: wx1}}"
LIST = "phone,level\n13812340001,gold\n"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    for name in ("sources", "tags"):
        (tmp_path / name).mkdir()
    (tmp_path / "identity.yml").write_text(IDENTITY)
    source(tmp_path, "crm", CRM)
    (tmp_path / "tags" / "vip.csv").write_text(LIST)
    return tmp_path


def source(conf: Path, name: str, identifiers: str) -> None:
    (conf / "sources" / f"{name}.yml").write_text(SOURCE.format(name, identifiers))


def load(conf: Path, keys: str) -> Project:
    tag = f"{{name: vip, kind: person_list, {keys}}}"
    (conf / "tags" / "lists.yml").write_text(f"tags: [{tag}]\n")
    return load_project(conf)


def fault(conf: Path, keys: str) -> str:
    with pytest.raises(ConfigFaultsError) as caught:
        load(conf, keys)
    [line] = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("identifier: phon, table: vip.csv", "identifier: unknown identifier type 'phon'; did you "
         "mean 'phone'?"),
        ("identifier: address, table: vip.csv", "identifier: address is what several persons sha"),
        ("identifier: phone, table: vp.csv", "table: vp.csv: there is no such file; put it beside"),
        ("identifier: phone, table: vip.csv, scope: a", "phone has no scopes in any source; rem"),
        ("identifier: user_id, table: vip.csv, region: CN", "user_id has no country; remove `reg"),
        ("identifier: landline, table: vip.csv", "no source has it; write the country of the list"),
        ("identifier: phone", "lacks `table`; write {name: vip, kind: person_list, identifier: p"),
        ("identifier: phone, table: vip.csv, values: {a: b}", "no use for `values`; remove it"),
        ("identifier: phone, of: city, table: vip.csv", "has no use for `of`; remove it (it is a "
         "key of lookup, percentile)"),
        ("table: vip.csv", "lacks `identifier`; write {name: vip, kind: person_list, identifier: "),
        ("identifier: phone, table: vip.csv, region: China", "region: unknown region 'China'"),
        ("identifier: phone, table: vip.csv, entity: household", "a household has no list of its "
         "own; make a person's tag of it, an audience of these persons, and ask in_audience(...)"),
    ],
)  # fmt: skip
def test_a_wrong_list_says_what_to_write(conf: Path, keys: str, message: str) -> None:
    line = fault(conf, keys)
    assert line.startswith("tags/lists.yml: tags[0]")
    assert message in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "has 0 columns; write the identifier, and the value, with their names in the"),
        (b"phone,level,city\n13812340001,gold,Bath\n", "has 3 columns; write the identifier, and"),
        (b"phone\n13812340001\n", "has one column; write `gives: boolean` for a yes/no tag, or"),
        (b"phone,level\n\n,\n", "has no row; fill it in, or remove the tag"),
        (b"13812340001,gold\n13812340002,gold\n", "its first line looks like a row; write the na"),
        (b"phone,level\n13812340001,gold\n13812340002,\xbd\xf0\n", "line 3 is not UTF-8; save it"),
        (b'phone,"level\n' + b"13812340001,gold\n" * 9000, "its first line: field larger than"),
    ],
)
def test_a_wrong_file_says_what_to_write(conf: Path, text: bytes, message: str) -> None:
    (conf / "tags" / "vip.csv").write_bytes(text)
    line = fault(conf, "identifier: phone, table: vip.csv")
    assert line.startswith("tags/lists.yml: tags[0].table: vip.csv: ")
    assert message in line
    assert "1381234" not in line


def test_identifiers_are_read_as_the_sources_read_theirs(conf: Path) -> None:
    def way(keys: str) -> tuple[str, str, str, str]:
        [tag] = load(conf, f"table: vip.csv, {keys}").tags
        assert isinstance(tag, PersonListTag)
        file = tag.file
        assert file is not None
        return file.id_type, file.form, file.region, file.scope

    assert way("identifier: phone") == ("phone", "phone", "CN", "")
    assert way("identifier: phone, region: GB") == ("phone", "phone", "GB", "")
    assert way("identifier: wechat_openid") == ("wechat_openid", "scoped", "", "wx1")
    assert way("identifier: imei") == ("imei", "imei", "", "")
    source(conf, "crm", "{phone: {column: mobile, region: GB}, user_id: {column: u, form: phone}}")
    assert way("identifier: phone") == ("phone", "phone", "GB", "")
    assert way("identifier: user_id") == ("user_id", "phone", "CN", "")


def test_the_report_tells_the_list(conf: Path) -> None:
    for keys, description in (
        ("", "vip.csv, by phone"),
        (", description: Level", "Level (vip.csv, by phone)"),
    ):
        project = load(conf, "identifier: phone, table: vip.csv" + keys)
        assert [note.description for note in job_config("publish_report", project).tags] == [
            description
        ]


@pytest.mark.parametrize(
    ("id_type", "message"),
    [
        ("phone", "sources read phone as of CN, GB; write the country of the list, `region: CN`"),
        ("user_id", "sources read user_id as email, text; give it one `form` in all of them"),
        ("wechat_openid", "is unique within a scope (field app of the sources) only; write that"),
    ],
)
def test_sources_that_differ_are_told(conf: Path, id_type: str, message: str) -> None:
    identifiers = (
        "{phone: {column: p, region: GB}, user_id: {column: u, form: email}, wechat_openid: "
    )
    source(conf, "shop", identifiers + "{column: o, scope: app}}")
    assert message in fault(conf, f"identifier: {id_type}, table: vip.csv")
