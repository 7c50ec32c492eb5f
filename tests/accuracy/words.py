"""Errors of a transcript: Whisper's English normaliser and words; Chinese and Japanese by characters; other languages by words."""

import unicodedata

import jiwer
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

_english, _basic = EnglishTextNormalizer(), BasicTextNormalizer()


def units(text, language):
    """What is counted: words or characters."""
    if language == "en":
        return _english(text).split()
    text = _basic(unicodedata.normalize("NFKC", text))
    return [c for c in text if not c.isspace()] if language in ("zh", "ja") else text.split()


def digits(words):
    """Numbers one digit at a time: the normaliser joins digits that are read out, and may do so differently on two sides."""
    out = []
    for word in words:
        out += list(word) if word.isdigit() else ["1"] if word == "one" else [word]
    return out


def errors(reference, hypothesis, language):
    """(substitutions + deletions + insertions, units of the reference)."""
    ref, hyp = units(reference, language), units(hypothesis, language)
    if ref and all(word.isdigit() or word == "one" for word in ref):
        ref, hyp = digits(ref), digits(hyp)
    if not ref or not hyp:
        return len(ref) + len(hyp), len(ref)
    found = jiwer.process_words(" ".join(ref), " ".join(hyp))
    return found.substitutions + found.deletions + found.insertions, len(ref)
