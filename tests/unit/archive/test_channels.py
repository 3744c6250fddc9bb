"""Where a session came from, by its address and the one before it."""

import pytest
from hypothesis import given, settings, strategies as st
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.archive.channels import address, origin, with_channel
from databank.session import small_frame

SHOP = "https://shop.example.com/item"
# address | referrer | source | medium | channel
EXPECTED = """
    ?utm_source=google&utm_medium=cpc&utm_campaign=May |           | google | cpc    | paid search
    ?UTM_Source=Google&utm_medium=CPC            |                 | google | cpc    | paid search
    ?gclid=x1                     | https://www.google.de/          | google | cpc    | paid search
    ?utm_source=google&gclid=x1   |                                 | google | cpc    | paid search
    ?msclkid=2                    |                                 | bing   | cpc    | paid search
    ?bd_vid=2                     | https://www.baidu.com/link?x    | baidu  | cpc    | paid search
    ?dclid=2                      |                                 | google | display | display
    ?ttclid=7                     |                                 | tiktok | cpc    | paid social
    ?utm_source=ig&utm_medium=paid_social     |                     | ig | paid_social | paid social
    ?utm_source=youtube&utm_medium=paid       |                     | youtube | paid   | paid video
    ?utm_source=etsy.com&utm_medium=ppc       |                     | etsy.com | ppc   | paid shopping
    ?utm_source=dsp&utm_medium=cpm            |                     | dsp    | cpm    | display
    ?utm_source=x9&utm_medium=cpc             |                     | x9     | cpc    | paid other
    ?utm_source=crm&utm_medium=e-mail         |                     | crm    | e-mail | email
    ?utm_source=email                         |                     | email  |        | email
    ?utm_source=partner&utm_medium=affiliate  |                     | partner | affiliate | affiliates
    ?utm_source=blog&utm_medium=social        |                     | blog   | social | organic social
    ?utm_source=firebase&utm_medium=x         |                     | firebase | x    | mobile push
    ?utm_source=a&utm_medium=web-push         |                     | a      | web-push | mobile push
    ?utm_source=sms                           |                     | sms    |        | sms
    ?utm_source=house&utm_medium=poster       |                     | house  | poster | unassigned
    ?utm_source=(direct)&utm_medium=(none)    |                     | (direct) | (none) | direct
    ?utm_source=a%20b&utm_medium=%zz          |                     | a b    | %zz    | unassigned
    #utm_source=bing&utm_medium=cpc           |                     | bing   | cpc    | paid search
    ?fbclid=1                     |                                 | facebook | referral | organic social
    ?fbclid=1&utm_source=news&utm_medium=email |                    | news   | email  | email
    ?x_utm_source=google          |                                 |        |        | direct
    ?utm_source=&utm_medium=      |                                 |        |        | direct
                                  | https://www.google.co.uk/       | www.google.co.uk | organic | organic search
                                  | http://m.baidu.com:80/s?wd=x    | m.baidu.com | organic | organic search
                                  | https://so.com/                 | so.com | organic | organic search
                                  | https://google.phish.example/   | google.phish.example | referral | referral
                                  | https://l.facebook.com/l.php    | l.facebook.com | referral | organic social
                                  | https://t.co/abc                | t.co   | referral | organic social
                                  | https://www.youtube.com/        | www.youtube.com | referral | organic video
                                  | https://www.amazon.de/x         | www.amazon.de | referral | organic shopping
                                  | https://mail.google.com/        | mail.google.com | email | email
                                  | //user:pw@News.Example.ORG./a   | news.example.org | referral | referral
                                  | https://10.0.0.1/               | 10.0.0.1 | referral | referral
                                  | android-app://com.google.android.gm/ | com.google.android.gm | email | email
                                  | https://www.example.com/home    |        |        | direct
                                  | https://SHOP.example.com        |        |        | direct
                                  | about:blank                     |        |        | direct
                                  | -                               |        |        | direct
"""  # noqa: E501


def test_the_channel_of_an_address_and_a_referrer(spark_session: SparkSession) -> None:
    lines = [[cell.strip() for cell in line.split("|")] for line in EXPECTED.strip().splitlines()]
    rows = [(n, f"{SHOP}{url}", referrer or None) for n, (url, referrer, *_) in enumerate(lines)]
    given = small_frame(spark_session, rows, "n int, url string, referrer string")
    channels = with_channel(telling(given)).orderBy("n").select("source", "medium", "channel")
    assert [tuple(v or "" for v in row) for row in channels.collect()] == [
        tuple(wanted) for _, _, *wanted in lines
    ]


def telling(rows: DataFrame) -> DataFrame:
    """Addresses as a session has them: of events that tell where it came from."""
    begun = origin(F.col("url"), F.col("referrer"))
    return rows.withColumns({name: begun[name] for name in ("url", "referrer")})


def test_without_an_own_address_every_referrer_is_from_outside(
    spark_session: SparkSession,
) -> None:
    given = small_frame(
        spark_session,
        [("Home screen", "https://shop.example.com/"), (None, None), ("", "")],
        "url string, referrer string",
    )
    referrers = given.select(origin(F.col("url"), F.col("referrer"))["referrer"]).collect()
    assert [row[0] for row in referrers] == ["https://shop.example.com/", None, None]


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://a.example/b?token=1#c", "https://a.example/b"),
        ("https://a.example/#/secret", "https://a.example/"),
        ("https://me:pw@a.example/@you?x", "https://a.example/@you"),
        ("Home screen", "Home screen"),
        ("?a=1", None),
        (None, None),
    ],
)
def test_an_address_keeps_no_secrets(
    spark_session: SparkSession, url: str | None, plain: str | None
) -> None:
    row = small_frame(spark_session, [(url,)], "url string").select(address(F.col("url"))).first()
    assert row is not None
    assert row[0] == plain


# what trackers and attackers send: broken escapes, brackets, blanks, other alphabets
_PIECE = st.sampled_from(
    ["http://", "//", "?", "#", "&", "=", "utm_source", "utm_medium=", "gclid=1", "%", "%zz", "%E4",
     "@", ":", "[::1]", "a.b", ".", "..", " ", "\n", "$1", "\\", "(", "中文", "\U0001f600", "co.uk"]
)  # fmt: skip
_TEXT = st.one_of(
    st.none(),
    st.lists(_PIECE, max_size=12).map("".join),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
)


@settings(max_examples=3)
@given(rows=st.lists(st.tuples(_TEXT, _TEXT), min_size=150, max_size=200))
def test_no_text_stops_a_job(
    spark_session: SparkSession, rows: list[tuple[str | None, str | None]]
) -> None:
    given = small_frame(spark_session, rows, "url string, referrer string")
    known = telling(given).withColumn("plain", address(F.col("url")))
    for row in with_channel(known).collect():
        plain = row["plain"]
        assert plain is None or (plain and "?" not in plain and "#" not in plain)
        assert (row["channel"] == "direct") >= (row["source"] is None and row["medium"] is None)
