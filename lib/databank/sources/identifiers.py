"""Identifiers in one canonical form a type, and the number that stands for each.

Canonical spellings are recognised by SQL. What is left of phones, mails and IMEIs goes through
phonenumbers, email-validator and stdnum, once for each distinct value of a batch: they cost
some 20 microseconds a value.
"""

from collections.abc import Callable

import email_validator
import phonenumbers
import pyarrow as pa
from pyspark.sql import Column, functions as F
from pyspark.sql.pandas.functions import arrow_udf
from stdnum import imei as stdnum_imei, luhn
from stdnum.exceptions import ValidationError as StdnumError

PLACEHOLDERS = (
    "", "unknown", "null", "(null)", "none", "nil", "nan", "n/a", "na", "undefined", "unset",
    "not set", "(not set)", "empty", "missing", "anonymous", "guest", "default", "test",
    "-", "--", "?", ".", "[object object]", "true", "false", "无", "未知", "空",
)  # fmt: skip
# numbers and addresses that people type where one is asked for, in canonical form
DUMMY_VALUES = {
    "phone": (
        "+8613800000000", "+8613800138000", "+8613888888888", "+8613999999999",
        "+8613333333333", "+8613666666666", "+8613111111111", "+8618888888888",
        "+8615555555555", "+8613812345678", "+8613912345678", "+8613012345678",
    ),
    "email": (
        "test@test.com", "test@example.com", "a@a.com", "a@b.com", "abc@abc.com", "no@no.com",
        "none@none.com", "null@null.com", "email@email.com", "user@example.com", "123@qq.com",
        "123456@qq.com", "admin@admin.com", "noreply@example.com", "unknown@unknown.com",
    ),
    "imei": (
        "012345678901237", "123456789012347", "490154203237518", "352099001761481",
        "111111111111119", "004999010640000",
    ),
    "cookie": ("deleted", "optout", "opt_out"),
}  # fmt: skip
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
# all zeros, all f, or the address that phones give out instead of their own
_EMPTY = r"^(?:[0:-]+|[fF-]{8,}|02:00:00:00:00:00)$"
_EMPTY_BEGINS = ("0", ":", "-", "f", "F")
_LONGEST_WORD = max(map(len, PLACEHOLDERS))
# an address that the maker gave: group addresses (bit 1 of the first byte) and those that a phone
# makes up for each network (bit 2) name no device (IEEE 802, 8.2)
_DEVICE_MAC = r"^[0-9a-f][048c](?!0{10}$)[0-9a-f]{10}$"
# prefixes that phonenumbers accepts without a look at the digits behind them
_CHINESE_MOBILE = r"^(?:\+86|0086)?(1(?:3[0-9]|5[0-35-9]|8[0-9])[0-9]{8})$"
_PLAIN_MAIL = (
    r"^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,18}$"
)
_SPECIAL_MAIL = r"\.(?:arpa|invalid|local|localhost|onion|test)$"
_PYTHON_FORMS = ("phone", "email", "imei")


def is_placeholder(text: Column) -> Column:
    """Whether a trimmed text only says that there is no identifier."""
    # the guards spare most values the list and the pattern
    word = (F.length(text) <= _LONGEST_WORD) & F.lower(text).isin(*PLACEHOLDERS)
    return word | (F.substring(text, 1, 1).isin(*_EMPTY_BEGINS) & text.rlike(_EMPTY))


def by_sql(form: str, text: Column, *, region: str) -> Column:
    """The canonical form as far as SQL can tell; null for what needs a closer look, or is none."""
    lower = F.lower(text)
    if form == "phone":
        local = F.regexp_extract(F.regexp_replace(text, r"[ \-]", ""), _CHINESE_MOBILE, 1)
        return F.when(local != "", F.concat(F.lit("+86"), local)) if region == "CN" else _none()
    if form == "email":
        plain = lower.rlike(_PLAIN_MAIL) & ~lower.rlike(_SPECIAL_MAIL)
        return F.when(plain & (F.instr(lower, "@") <= 65) & (F.length(lower) <= 254), lower)
    if form == "imei":
        digits = F.regexp_replace(text, r"[ \-./]", "")
        sound = digits.rlike("^[0-9]{15}$")
        return F.when(sound & F.call_function("luhn_check", digits), digits)
    if form in ("idfa", "gaid"):
        uuid = F.regexp_replace(
            F.regexp_replace(lower, "[{}-]", ""),
            "^(.{8})(.{4})(.{4})(.{4})(.{12})$",
            "$1-$2-$3-$4-$5",
        )
        return F.when(uuid.rlike(_UUID), F.upper(uuid) if form == "idfa" else uuid)
    if form == "oaid":
        return F.when(lower.rlike("^[0-9a-f]{16,64}$") | lower.rlike(_UUID), lower)
    if form == "mac":
        digits = F.regexp_replace(lower, "[:.-]", "")
        return F.when(digits.rlike(_DEVICE_MAC), F.regexp_replace(digits, "(..)(?!$)", "$1:"))
    if form == "address":
        words = F.trim(F.regexp_replace(lower, r"[\s\p{Z}\p{P}]+", " "))
        return F.when(words.rlike(r"\p{L}"), words)
    if form == "cookie":
        return F.when(text.rlike("^[0-9A-Fa-f-]+$"), lower).otherwise(text)
    return text


def _none() -> Column:
    return F.lit(None).cast("string")


def needs_python(form: str) -> bool:
    """Whether SQL leaves values over that a library may still accept."""
    return form in _PYTHON_FORMS


def by_library(form: str, rest: Column, *, region: str) -> Column:
    """The canonical form of what SQL left over; null where there is none."""
    normalise = {"phone": _phone(region), "email": _email, "imei": _imei}[form]

    def distinct(values: pa.Array) -> pa.Array:
        encoded = values.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        return pa.array(map(normalise, texts), pa.string()).take(encoded.indices)

    canonical: Column = arrow_udf(distinct, "string")(rest)  # type: ignore[call-overload]
    return canonical


def _phone(region: str) -> Callable[[str], str | None]:
    def normalise(text: str) -> str | None:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return None
        # an extension is somebody else's number in the same house
        if number.extension or not phonenumbers.is_valid_number(number):
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    return normalise


def _email(text: str) -> str | None:
    try:
        return email_validator.validate_email(text, check_deliverability=False).normalized.lower()
    except email_validator.EmailNotValidError:
        return None


def _imei(text: str) -> str | None:
    """15 digits; the check digit is computed for 14 digits and for IMEISV (16)."""
    try:
        digits = stdnum_imei.validate(text)
    except StdnumError:
        return None
    if len(digits) == 15:
        return str(digits)
    body = str(digits)[:14]
    return body + str(luhn.calc_check_digit(body))


def is_dummy_value(form: str, canonical: Column) -> Column:
    """Whether a canonical value is one that people make up."""
    listed = DUMMY_VALUES.get(form, ())
    return canonical.isin(*listed) if listed else F.lit(False)


def key_of(id_type: Column, scope: Column, value: Column, *, salt: int = 0) -> Column:
    """The BIGINT that stands for an identifier; the same on every machine and in every run."""
    return F.xxhash64(id_type, scope, value, *([F.lit(salt)] if salt else []))
