"""What tests by OpenAI's official client share. Importing it ends the program with 77 (skipped) where the client is missing."""
import sys
import unittest

try:
    import openai
except ImportError:
    sys.exit(77)

from support import with_weights

SOTTO, RECORDING = sys.argv[1:3]


class Client(unittest.TestCase):
    """One server and one client for all tests of a class."""
    model = "tiny.en"

    @classmethod
    def setUpClass(cls):
        cls.server = with_weights(SOTTO, cls.model)
        cls.client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{cls.server.port}/v1", max_retries=0)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.stop()

    def create(self, **more):
        with open(RECORDING, "rb") as file:
            return self.client.audio.transcriptions.create(**{"model": "whisper-1", "file": file, **more})
