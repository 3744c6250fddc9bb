"""Canonical forms of identifiers: one entry a form, in Spark SQL and in Python.

Ingest normalises whole columns by SQL, and passes the spellings that SQL cannot decide through
Python once for each distinct value of a batch: phonenumbers, email-validator and stdnum cost some
20 microseconds a value. Whoever has one value at hand calls `canonical`, which needs no Spark.

A new form is a function with `@identifier_form(...)`; a new type of identifier is an entry of
FORM_OF_TYPE.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from unicodedata import category

from databank.errors import did_you_mean
from databank.sources.spelling import BLANKS, LONGEST, is_placeholder_text, whole_number

FORM_OF_TYPE = {
    "phone": "phone",
    "landline": "phone",
    "email": "email",
    "imei": "imei",
    "idfa": "idfa",
    "gaid": "gaid",
    "oaid": "oaid",
    "mac": "mac",
    "cookie": "cookie",
    "address": "address",
    "wechat_openid": "scoped",
    "wechat_unionid": "text",
    "member_card": "text",
    "user_id": "text",
}

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
# an address that the maker gave: group addresses (bit 1 of the first byte) and those that a phone
# makes up for each network (bit 2) name no device (IEEE 802, 8.2)
_DEVICE_MAC = r"^[0-9a-f][048c](?!0{10}$)[0-9a-f]{10}$"
# prefixes that phonenumbers accepts without a look at the digits behind them
_CHINESE_MOBILE = r"^(?:\+86|0086)?(1(?:3[0-9]|5[0-35-9]|8[0-9])[0-9]{8})$"
_PLAIN_MAIL = (
    r"^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,18}$"
)
_SPECIAL_MAIL = r"\.(?:arpa|invalid|local|localhost|onion|test)$"
_HEX = "^[0-9A-Fa-f-]+$"

# what some write before a mobile number of Mexico (until 2019) and of Argentina (from abroad)
_MOBILE_PREFIXES = ((52, "1"), (54, "9"))

Canonical = Callable[[str, str], str | None]


@dataclass(frozen=True)
class IdentifierForm:
    """One way to normalise an identifier.

    Attributes:
        name: What `form:` of a source calls it.
        canonical: Canonical form of a text without blanks around it, given the region (a country
            such as CN, or '' for a form without regions); None if the text is malformed.
        sql: Spark SQL that gives the same of the column {text} in the region {region}; null
            for a malformed text and, unless `complete`, for one that only Python can decide.
        complete: Whether `sql` decides every text.
        by_region: Whether the form depends on a region.
        sql_regions: Of such a form, the regions whose usual spellings `sql` decides.
        of_digits: Whether a number is meant where a text looks like a floating point number.
        example: A spelling and its canonical form.
        dummy_values: Canonical values that people type where an identifier is asked for.
    """

    name: str
    canonical: Canonical
    sql: str
    example: tuple[str, str]
    complete: bool = True
    by_region: bool = False
    sql_regions: tuple[str, ...] = ()
    of_digits: bool = False
    dummy_values: tuple[str, ...] = ()


FORMS: dict[str, IdentifierForm] = {}


def identifier_form(
    *,
    sql: str,
    example: tuple[str, str],
    complete: bool = True,
    by_region: bool = False,
    sql_regions: tuple[str, ...] = (),
    of_digits: bool = False,
    dummy_values: tuple[str, ...] = (),
) -> Callable[[Canonical], Canonical]:
    """Register a function as the form of its name; see IdentifierForm."""

    def register(function: Canonical) -> Canonical:
        name = function.__name__.strip("_")
        FORMS[name] = IdentifierForm(
            name, function, sql, example, complete, by_region, sql_regions, of_digits, dummy_values
        )
        return function

    return register


def canonical(
    id_type: str, text: str, *, form: str | None = None, region: str = "CN"
) -> str | None:
    """Write an identifier as ingest writes it to identity.identifier.

    Args:
        id_type: Type of the identifier, for its default form; an unknown type is plain text.
        text: The identifier as people write it; blanks around it do not count.
        form: Form that a source declares for the type instead.
        region: Country of a phone number without a country code.

    Returns:
        The canonical form; None for a malformed text, a placeholder and a dummy value.
    """
    entry = FORMS[form or FORM_OF_TYPE.get(id_type, "text")]
    given = text.strip(BLANKS)
    if len(given) > LONGEST or is_placeholder_text(given, zeros=have_no_zeros(id_type, entry.name)):
        return None
    if entry.of_digits:
        given = whole_number(given)
    value = entry.canonical(given, region if entry.by_region else "")
    return None if value in entry.dummy_values else value


def have_no_zeros(id_type: str, form: str) -> bool:
    """Tell whether an identifier of nothing but zeros is none.

    It is one where a configuration numbers records of its own, which may begin at 0.
    """
    return form != "text" or id_type in FORM_OF_TYPE


def check_form(name: str) -> str:
    """Return the name of a form.

    Raises:
        ValueError: If there is no such form.
    """
    if name not in FORMS:
        raise ValueError(f"unknown form {name!r}; {did_you_mean(name, FORMS)}")
    return name


@identifier_form(
    sql=f"""
        CASE WHEN {{region}} = 'CN' AND
            regexp_replace({{text}}, r'[ \\-]', '') RLIKE r'{_CHINESE_MOBILE}'
        THEN concat('+86',
            regexp_extract(regexp_replace({{text}}, r'[ \\-]', ''), r'{_CHINESE_MOBILE}', 1))
        END""",
    example=("139 1234 5670", "+8613912345670"),
    complete=False,
    by_region=True,
    sql_regions=("CN",),
    of_digits=True,
    dummy_values=(
        "+8613800000000", "+8613800138000", "+8613888888888", "+8613999999999",
        "+8613333333333", "+8613666666666", "+8613111111111", "+8618888888888",
        "+8615555555555", "+8613812345678", "+8613912345678", "+8613012345678",
    ),
)  # fmt: skip
def _phone(text: str, region: str) -> str | None:
    if region == "CN" and (plain := re.search(_CHINESE_MOBILE, re.sub(r"[ \-]", "", text))):
        return f"+86{plain.group(1)}"
    import phonenumbers  # these libraries are slow to load: only where a value needs them

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    digits = str(number.national_number)
    for country, prefix in _MOBILE_PREFIXES:
        if number.country_code == country and re.search(rf"^{prefix}[0-9]{{10}}$", digits):
            number.national_number = int(digits.removeprefix(prefix))
    # a number with an extension reaches another person of the same house
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@identifier_form(
    sql=f"""
        CASE WHEN lower({{text}}) RLIKE r'{_PLAIN_MAIL}'
            AND NOT lower({{text}}) RLIKE r'{_SPECIAL_MAIL}'
            AND instr(lower({{text}}), '@') <= 65 AND length(lower({{text}})) <= 254
        THEN lower({{text}}) END""",
    example=("Wang.Li@Example.COM", "wang.li@example.com"),
    complete=False,
    dummy_values=(
        "test@test.com", "test@example.com", "a@a.com", "a@b.com", "abc@abc.com", "no@no.com",
        "none@none.com", "null@null.com", "email@email.com", "user@example.com", "123@qq.com",
        "123456@qq.com", "admin@admin.com", "noreply@example.com", "unknown@unknown.com",
    ),
)  # fmt: skip
def _email(text: str, _: str) -> str | None:
    lower = text.lower()
    plain = re.search(_PLAIN_MAIL, lower) and not re.search(_SPECIAL_MAIL, lower)
    if plain and lower.index("@") < 65 and len(lower) <= 254:
        return lower
    import email_validator

    try:
        mail = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return None
    return mail.normalized.lower()


@identifier_form(
    sql="""
        CASE WHEN regexp_replace({text}, r'[ \\-./]', '') RLIKE '^[0-9]{15}$'
            AND luhn_check(regexp_replace({text}, r'[ \\-./]', ''))
        THEN regexp_replace({text}, r'[ \\-./]', '') END""",
    example=("49-015420-323752-6", "490154203237526"),
    complete=False,
    of_digits=True,
    dummy_values=(
        "012345678901237", "123456789012347", "490154203237518", "352099001761481",
        "111111111111119", "004999010640000",
    ),
)  # fmt: skip
def _imei(text: str, _: str) -> str | None:
    """Give 15 digits; the check digit is computed for 14 digits and for IMEISV (16)."""
    from stdnum import imei, luhn
    from stdnum.exceptions import ValidationError

    plain = re.sub(r"[ \-./]", "", text)
    if re.search("^[0-9]{15}$", plain) and luhn.is_valid(plain):
        return plain
    try:
        digits = str(imei.validate(text))
    except ValidationError:
        return None
    body = digits[:14]
    return digits if len(digits) == 15 else body + str(luhn.calc_check_digit(body))


_UUID_SQL = f"""
    CASE WHEN regexp_replace(regexp_replace(lower({{text}}), r'[{{}}-]', ''),
            '^(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})$', '$1-$2-$3-$4-$5') RLIKE r'{_UUID}'
    THEN regexp_replace(regexp_replace(lower({{text}}), r'[{{}}-]', ''),
        '^(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})$', '$1-$2-$3-$4-$5') END"""


@identifier_form(
    sql=_UUID_SQL,
    example=("{0A1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D}", "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"),
)
def _gaid(text: str, _: str) -> str | None:
    digits = re.sub("[{}-]", "", text.lower())
    uuid = re.sub("^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", digits)
    return uuid if re.search(_UUID, uuid) else None


@identifier_form(
    sql=f"upper({_UUID_SQL})",
    example=("0a1b2c3d4e5f4a6b8c7d9e0f1a2b3c4d", "0A1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D"),
)
def _idfa(text: str, _: str) -> str | None:
    uuid = _gaid(text, "")
    return uuid and uuid.upper()


@identifier_form(
    sql=f"""
        CASE WHEN lower({{text}}) RLIKE '^[0-9a-f]{{16,64}}$' OR lower({{text}}) RLIKE r'{_UUID}'
        THEN lower({{text}}) END""",
    example=("0A1B2C3D4E5F6071", "0a1b2c3d4e5f6071"),
)
def _oaid(text: str, _: str) -> str | None:
    lower = text.lower()
    sound = re.search("^[0-9a-f]{16,64}$", lower) or re.search(_UUID, lower)
    return lower if sound else None


@identifier_form(
    sql=f"""
        CASE WHEN regexp_replace(lower({{text}}), '[:.-]', '') RLIKE r'{_DEVICE_MAC}'
        THEN regexp_replace(regexp_replace(lower({{text}}), '[:.-]', ''), '(..)(?!$)', '$1:')
        END""",
    example=("3C-22-FB-01-02-0A", "3c:22:fb:01:02:0a"),
)
def _mac(text: str, _: str) -> str | None:
    digits = re.sub("[:.-]", "", text.lower())
    return re.sub("(..)(?!$)", r"\1:", digits) if re.search(_DEVICE_MAC, digits) else None


@identifier_form(
    sql=r"""
        CASE WHEN trim(regexp_replace(lower({text}), r'[\s\p{Z}\p{P}]+', ' ')) RLIKE r'\p{L}'
        THEN trim(regexp_replace(lower({text}), r'[\s\p{Z}\p{P}]+', ' ')) END""",
    example=("Lake Road, 5", "lake road 5"),
)
def _address(text: str, _: str) -> str | None:
    """Keep words and numbers; every run of punctuation and blanks counts as one blank."""
    marked = "".join(" " if _separates(letter) else letter for letter in text.lower())
    words = " ".join(word for word in marked.split(" ") if word)
    return words if any(category(letter)[0] == "L" for letter in words) else None


def _separates(letter: str) -> bool:
    return letter in " \t\n\x0b\f\r" or category(letter)[0] in "PZ"


@identifier_form(
    sql=f"CASE WHEN {{text}} RLIKE '{_HEX}' THEN lower({{text}}) ELSE {{text}} END",
    example=("0A1B2C", "0a1b2c"),
    dummy_values=("deleted", "optout", "opt_out"),
)
def _cookie(text: str, _: str) -> str | None:
    return text.lower() if re.search(_HEX, text) else text


@identifier_form(sql="{text}", example=("oAbC-_1", "oAbC-_1"))
def _scoped(text: str, _: str) -> str | None:
    return text


@identifier_form(sql="{text}", example=("12345678.0", "12345678"), of_digits=True)
def _text(text: str, _: str) -> str | None:
    return text
