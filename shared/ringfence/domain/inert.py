r"""Text that somebody else wrote, shown so that it can do nothing and deceive nobody.

Names, paths, tags, user agents, session names and errors come from whoever is watched. What is not printable ASCII is written as Python
escapes it (`\\u202e`), so that a direction mark, a zero-width character or a letter that looks like another shows as what it is; long texts are cut, and
say by how much; of a key that opens something only the last four characters are shown.
"""

import re

LONGEST = 200
# Ids of credentials, by their prefixes; those of users, roles, groups and policies are no secret (IAM User Guide, "Unique identifiers").
KEYS = re.compile(r"(?<![A-Za-z0-9])(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,124}?([A-Z0-9]{4})(?![A-Za-z0-9])", re.ASCII)
# What opens a door by itself: private keys, tokens of chats, models and code hosts, signed sessions and addresses, secrets written as such.
SECRETS = re.compile(
    r"-----BEGIN[^-]*PRIVATE KEY-----.*?(?:-----END[^-]*PRIVATE KEY-----|$)"
    r"|\b(?:xox[a-z]|xapp)-[\w-]{8,}|\b(?:sk-|glpat-|gh[a-z]_|ABSK)[\w+/=-]{16,}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|hooks\.slack(?:-gov)?\.com/[\w/-]+|(?i:x-amz-(?:signature|security-token|credential))=[^&\s]+|(?i:\bbearer\s+)[\w.+/=-]{16,}"
    r"|(?<!:)(?i:(?:secret|token|password|api[_-]?key)[\w-]*[\"']*\s*[:=]\s*[\"']*)[^\s\"',;]{6,}",
    re.ASCII | re.DOTALL,
)


def hidden(text: str) -> str:
    """Take the secrets out of a text; of a key's id the last four characters stay."""
    return KEYS.sub(r"\1...\2", SECRETS.sub("(hidden)", text))


def inert(text: str, longest: int = LONGEST) -> str:
    """Show a text inertly: one line, printable ASCII, cut at so many characters with a visible `...(+n)`, no secret in it."""
    shown = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in hidden(text))
    return shown if len(shown) <= longest else f"{shown[:longest]}...(+{len(shown) - longest})"


def odd(text: str) -> bool:
    """Whether a text holds what is not printable ASCII: a name that does is one to look at twice."""
    return any(not " " <= c <= "~" for c in text)


def visible(text: str) -> str:
    """Show a text inertly in one's own terminal: whole, with control, direction and other invisible characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
