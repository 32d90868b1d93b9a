"""Owns URI templates (RFC 6570, as far as reading one back is unambiguous).

`{name}` is anything up to the next slash, `{+name}` anything at all.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_VARIABLE = re.compile(r"\{(\+?)([^}]*)\}")


def has_variables(template: str) -> bool:
    """Whether it stands for more than one URI."""
    return _VARIABLE.search(template) is not None


def variables(template: str, uri: str) -> dict[str, str] | None:
    """What stands for the variables, decoded, if the URI is one of the template's."""
    parts, at = [], 0
    for found in _VARIABLE.finditer(template):
        parts.append(re.escape(template[at : found.start()]))
        parts.append("(.+?)" if found[1] else "([^/]+?)")
        at = found.end()
    parts.append(re.escape(template[at:]))
    match = re.fullmatch("".join(parts), uri, re.DOTALL)
    if match is None:
        return None
    names = [found[2] for found in _VARIABLE.finditer(template)]
    try:
        return {name: unquote(value, errors="strict") for name, value in zip(names, match.groups())}
    except UnicodeDecodeError:
        return None
