"""Real speech over a live session, with Whisper tiny.en: turns by speech detection, text while it is spoken, and OpenAI's own client.

Usage: live_words_test.py SOTTO RECORDING [unittest options]   Skipped (77) without the client or the model.
"""
import array
import base64
import sys
import unittest
import wave

try:
    import openai
    import websockets  # noqa: F401  what OpenAI's client speaks by
except ImportError:
    sys.exit(77)

from support import with_weights
from websocket import WebSocket

SOTTO, RECORDING = sys.argv[1:3]


def samples_of(path, rate):
    """16-bit samples; to 24 kHz by the nearest of them, which is good enough to be understood."""
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        sound = array.array("h", file.readframes(file.getnframes()))
    return sound if rate == 16000 else array.array("h", (sound[i * 2 // 3] for i in range(len(sound) * 3 // 2)))


class Words(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = with_weights(SOTTO, "tiny.en")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_turns_begin_and_end_where_somebody_speaks(self):
        quiet = bytes(2 * 16000)
        with WebSocket(self.server.port) as session:
            session.receive()
            session.send({"type": "session.update", "session": {"audio": {"input": {
                "format": {"type": "audio/pcm", "rate": 16000}, "turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}}}})
            self.assertEqual(session.receive()["type"], "session.updated")
            speech = samples_of(RECORDING, 16000)[:10 * 16000].tobytes()
            for piece in [quiet, speech, quiet, quiet]:
                for at in range(0, len(piece), 6400):
                    session.append(piece[at : at + 6400])
            started = session.until("input_audio_buffer.speech_started")[-1]
            self.assertGreater(started["audio_start_ms"], 300)
            events = session.until("conversation.item.input_audio_transcription.completed")
            kinds = [e["type"] for e in events]
            self.assertLess(kinds.index("input_audio_buffer.speech_stopped"), kinds.index("input_audio_buffer.committed"))
            self.assertEqual("".join(e["delta"] for e in events if e["type"].endswith("delta")), events[-1]["transcript"])
            self.assertGreater(len(events[-1]["transcript"]), 10)
            session.close()

    def test_openais_client_hears_what_was_said(self):
        sound = samples_of(RECORDING, 24000)[: 20 * 24000].tobytes()
        client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{self.server.port}/v1", max_retries=0)
        deltas, done = [], None
        with client, client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
            connection.session.update(session={"type": "transcription", "audio": {"input": {
                "format": {"type": "audio/pcm", "rate": 24000}, "transcription": {"model": "gpt-4o-transcribe", "language": "en"}, "turn_detection": None}}})
            for at in range(0, len(sound), 96000):
                connection.input_audio_buffer.append(audio=base64.b64encode(sound[at : at + 96000]).decode())
            connection.input_audio_buffer.commit()
            for event in connection:
                if event.type == "error":
                    self.fail(event.error.message)
                if event.type == "conversation.item.input_audio_transcription.delta":
                    deltas.append(event.delta)
                if event.type == "conversation.item.input_audio_transcription.completed":
                    done = event
                    break
        self.assertIn("Chicago", done.transcript)
        self.assertGreater(len(deltas), 2)
        self.assertEqual("".join(deltas), done.transcript)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
