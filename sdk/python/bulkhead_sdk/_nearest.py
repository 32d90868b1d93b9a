"""Owns finding the word that was meant. The rules are those of the other SDKs."""

from __future__ import annotations

from collections.abc import Sequence


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word closest to `word`, if it is close enough to be what was meant."""
    word = word.lower().replace("-", "_")

    def close(candidate: str) -> int | None:
        apart = distance(word, candidate)
        within = apart <= max(len(candidate), len(word)) // 3 + 1
        long = len(candidate) >= 3 and len(word) >= 3
        return apart if within or long and (candidate.startswith(word) or word.startswith(candidate)) else None

    found = [(apart, candidate) for candidate in known if (apart := close(candidate)) is not None]
    return min(found)[1] if found else None


def unknown_key(unknown: str, known: Sequence[str]) -> str:
    """Says that a key is unknown, and what may have been meant."""
    near = nearest(unknown, known)
    if near is not None:
        return f"unknown key `{unknown}`; did you mean `{near}`?"
    if not known:
        return f"unknown key `{unknown}`; none is taken"
    return f"unknown key `{unknown}`; known are {', '.join(known)}"


def distance(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        following = [i + 1]
        for j, y in enumerate(b):
            following.append(min(row[j] + (x != y), row[j + 1] + 1, following[j] + 1))
        row = following
    return row[-1]
