"""Derive where a session came from: by the parameters of its address, or by the referrer.

Every step is Spark SQL on the text of an address: browsers send addresses that no parser of URIs
takes, and whatever stands there must not stop a job.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pyspark.sql import Column, DataFrame, functions as F

# parameter -> what it says where utm parameters do not; ad networks put them on paid clicks alone
_CLICKS = {
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "msclkid": ("bing", "cpc"),
    "yclid": ("yandex", "cpc"),
    "bd_vid": ("baidu", "cpc"),
    "ttclid": ("tiktok", "cpc"),
    "twclid": ("twitter", "cpc"),
    "li_fat_id": ("linkedin", "cpc"),
    "dclid": ("google", "display"),
}
# on every link that leaves Facebook, paid or not: no more than a referrer
_FACEBOOK = "fbclid"
_TELLING = f"(?i)[?&#](?:utm_source|utm_medium|{_FACEBOOK}|{'|'.join(_CLICKS)})=[^&#]"
_SCHEME = "^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//"
_HOST = f"{_SCHEME}(?:[^/?#@]*@)?([^/?#:@]+)"
# the last two parts of a host, three where the second is a kind of owner (co.uk, com.cn)
_SITE = r"([^.]+\.(?:(?:ac|co|com|edu|go|gov|ne|net|or|org)\.[a-z]{2}|[a-z][a-z0-9-]+))$"
_PAID = "^(.*cp.*|ppc|retargeting|paid.*)$"
_SHOP = "^(.*(([^a-df-z]|^)shop|shopping).*)$"
_MAIL = ("email", "e-mail", "e_mail", "e mail")
_DISPLAY = ("display", "banner", "expandable", "interstitial", "cpm")
_SOCIAL = (
    "social", "social-network", "social-media", "sm", "social network", "social media",
)  # fmt: skip
# columns on the way to a channel
_STEPS = ("_source", "_medium", "_before", "_site", "_kind")


def address(url: Column) -> Column:
    """Strip an address of query, fragment, user and password, which may hold anything; not ''."""
    path = F.substring_index(F.substring_index(url, "?", 1), "#", 1)
    plain = F.regexp_replace(path, f"({_SCHEME})[^/@]*@", "$1")
    return F.nullif(F.trim(F.when(F.contains(path, F.lit("@")), plain).otherwise(path)), F.lit(""))


def origin(url: Column, referrer: Column) -> Column:
    """Extract what an event tells of where its session came from, for `with_channel`.

    Args:
        url: Address of the event; null or no address tells nothing.
        referrer: Address before it, with its scheme; one of the site itself tells nothing.

    Returns:
        struct of url and referrer, as they are; null where they tell nothing.
    """
    host = _host(referrer)
    outside = host.isNotNull() & ~F.coalesce(_site(host) == _site(_host(url)), F.lit(False))
    before = F.when(referrer.isNotNull() & outside, referrer)
    # most addresses ask nothing: that is quicker to see
    tagged = F.contains(url, F.lit("=")) & F.rlike(url, F.lit(_TELLING))
    tells = tagged | before.isNotNull()
    return F.when(tells, F.struct(url.alias("url"), before.alias("referrer")))


def with_channel(rows: DataFrame) -> DataFrame:
    """Add the origin that an address and the one before it tell, and its channel group.

    In this order: utm_source and utm_medium, with what an ad network's click id says in place of
    one that is missing; fbclid; the referrer.

    The groups are the default channel groups of Google Analytics 4 by their definitions of manual
    traffic (support.google.com/analytics/answer/9756891), names in small letters. Its list of
    sites is longer than sites.txt; and what says of itself that it is mail is email before its
    sender's site is looked at.

    Args:
        rows: url and referrer, as `origin` gives them or null, and any other columns but those that
            are added.

    Returns:
        The other columns, and source (small letters; the host of a referrer), medium (small
        letters; of a referrer organic for a search engine, email for web mail, referral else),
        campaign, and channel: direct (where nothing is known) | cross-network | paid shopping |
        paid search | paid social | paid video | display | paid other | email | organic shopping |
        organic social | organic video | organic search | affiliates | referral | audio | sms |
        mobile push | unassigned.
    """
    url, referrer = F.col("url"), F.col("referrer")
    clicked = F.lower(F.regexp_extract(url, f"(?i)[?&#]({'|'.join(_CLICKS)})=[^&#]", 1))
    facebook = F.rlike(url, F.lit(f"(?i)[?&#]{_FACEBOOK}=[^&#]"))
    named = F.lower(_parameter(url, "utm_source")), F.lower(_parameter(url, "utm_medium"))
    network, bought = ({k: v[n] for k, v in _CLICKS.items()} for n in (0, 1))
    # a step each: what is used twice is computed once
    rows = rows.withColumns(
        {
            "_source": F.coalesce(named[0], _looked_up(network, clicked)),
            "_medium": F.coalesce(named[1], _looked_up(bought, clicked)),
            "campaign": _parameter(url, "utm_campaign"),
            "_before": F.when(facebook, "facebook").otherwise(_host(referrer)),
        }
    )
    has_utm = F.col("_source").isNotNull() | F.col("_medium").isNotNull()
    source = F.when(has_utm, F.col("_source")).otherwise(F.col("_before"))
    rows = rows.withColumn("source", source).withColumn("_site", _site(F.col("source")))
    name = F.substring_index("_site", ".", 1)
    # a host first: tieba.baidu.com is no search
    keys = (F.col("source"), F.col("_site"), name)
    kind = F.coalesce(*(_looked_up(_kinds(), key) for key in keys))
    rows = rows.withColumn("_kind", F.coalesce(kind, F.lit("")))
    of_referrer = (
        F.when(F.col("_before").isNull(), None)
        .when(F.col("_kind") == "webmail", "email")
        .when(F.col("_kind") == "search", "organic")
        .otherwise("referral")
    )
    rows = rows.withColumn("medium", F.when(has_utm, F.col("_medium")).otherwise(of_referrer))
    return rows.withColumn("channel", _channel()).drop("url", "referrer", *_STEPS)


def _channel() -> Column:
    """Choose the first group that fits source, medium, campaign and the kind of the source."""
    source, medium, campaign = (
        F.coalesce(name, F.lit("")) for name in ("source", "medium", "campaign")
    )
    kind, paid = F.col("_kind"), F.rlike(medium, F.lit(_PAID))
    shop = (kind == "shopping") | F.rlike(F.lower(campaign), F.lit(_SHOP))
    direct = source.isin("", "(direct)") & medium.isin("", "(not set)", "(none)")
    push = medium.endswith("push") | F.rlike(medium, F.lit("mobile|notification"))
    groups = (
        ("direct", direct),
        ("cross-network", F.contains(F.lower(campaign), F.lit("cross-network"))),
        ("paid shopping", shop & paid),
        ("paid search", (kind == "search") & paid),
        ("paid social", (kind == "social") & paid),
        ("paid video", (kind == "video") & paid),
        ("display", medium.isin(*_DISPLAY)),
        ("paid other", paid),
        ("email", source.isin(*_MAIL) | medium.isin(*_MAIL)),
        ("organic shopping", shop),
        ("organic social", (kind == "social") | medium.isin(*_SOCIAL)),
        ("organic video", (kind == "video") | F.contains(medium, F.lit("video"))),
        ("organic search", (kind == "search") | (medium == "organic")),
        ("affiliates", medium.isin("affiliate", "affiliates")),
        ("referral", medium.isin("referral", "app", "link")),
        ("audio", medium == "audio"),
        ("sms", (source == "sms") | (medium == "sms")),
        ("mobile push", push | (source == "firebase")),
    )
    group = F.lit("unassigned")
    for name, holds in reversed(groups):
        group = F.when(holds, F.lit(name)).otherwise(group)
    return group


def _parameter(url: Column, name: str) -> Column:
    """Read the value of a parameter, decoded where it can be; null if there is none."""
    value = F.regexp_extract(url, f"(?i)[?&#]{name}=([^&#]*)", 1)
    return F.nullif(F.trim(F.coalesce(F.try_url_decode(value), value)), F.lit(""))


def _host(url: Column) -> Column:
    host = F.regexp_extract(F.trim(url), _HOST, 1)
    return F.nullif(F.rtrim(F.lower(host), F.lit(".")), F.lit(""))


def _site(host: Column) -> Column:
    """Cut a host to the part that an owner has: shop.example.co.uk is of example.co.uk."""
    return F.coalesce(F.nullif(F.regexp_extract(host, _SITE, 1), F.lit("")), host)


def _looked_up(values: Mapping[str, str], key: Column) -> Column:
    """Look up the value of a key; null if there is none."""
    return F.create_map(*(F.lit(text) for pair in values.items() for text in pair))[key]


@cache
def _kinds() -> Mapping[str, str]:
    """Map each known site to its kind."""
    text = files("databank.archive").joinpath("sites.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {site: kind for kind, *sites in lines for site in sites}
