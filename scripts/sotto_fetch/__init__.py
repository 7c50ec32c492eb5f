"""Downloads Whisper's weights by the catalogue. Python's standard library alone; nothing of it is needed to transcribe."""


class FetchError(Exception):
    """Something a person can act on; its text is one sentence."""
