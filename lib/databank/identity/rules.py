"""Names of the rules that exclude an identifier or reject a link, as identity.rejected has them."""

BLOCK_RULE = "block"  # identity.yml, `block`: a value or a pattern
FORMAT_RULE = "format"  # a text that has not its type's form, and so is no identifier
LIMIT_RULE = "limit"  # identity.yml, `limits`: too many different neighbours
HUB_RULE = "hub"  # far more neighbours than is typical of its type
PERSON_RULE = "person"  # identity.yml, `persons`: the link would give a person too much
MANUAL_RULE = "manual"  # identity.yml: a link that is made, or rejected, by hand
LINKAGE_RULE = "linkage"  # identity.yml, `linkage`: profiles that are likely one person's
