"""Live sessions over a WebSocket: events, turns, many at once, limits, hostile clients. With a synthetic model; the text of real speech
is live_words_test.py's.

Usage: live_test.py SOTTO SYNTHETIC_MODEL [unittest options]
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import PATIENCE, Server, tone
from websocket import BINARY, PING, PONG, Ended, Refused, WebSocket

SOTTO, SYNTHETIC = sys.argv[1:3]
ROOM = tempfile.TemporaryDirectory()
SOUND = tone(1, 24000)[44:]  # a second


def setUpModule():
    subprocess.run([SYNTHETIC, os.path.join(ROOM.name, "synthetic.sotto"), "int8", "64", "1", "3", "80", "51865", "terse"], check=True)


def tearDownModule():
    ROOM.cleanup()


def serve(*arguments):
    return Server(SOTTO, "-m", "synthetic", "--threads", "1", "--spool", ROOM.name, *arguments, models=ROOM.name)


class Common(unittest.TestCase):
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = serve(*cls.arguments)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.text()

    def open(self, **more):
        session = WebSocket(self.server.port, **more)
        self.addCleanup(session.socket.close)
        self.created = session.receive()
        return session

    def by_hand(self, session, **more):
        """Turns end by a commit only; the language is said, so that nothing depends on what noise sounds like."""
        session.send({"type": "session.update", "event_id": "mine",
                      "session": {"type": "transcription", "audio": {"input": {"turn_detection": None, "transcription": {"language": "en"}, **more}}}})
        return session.receive()

    def refused(self, status, **more):
        with self.assertRaises(Refused) as caught:
            self.open(**more)
        self.assertEqual(caught.exception.args[0], status, caught.exception.args)
        return json.loads(caught.exception.args[2])["error"]

    def wait_for(self, name, value):
        """Until the metric has this value."""
        until = time.monotonic() + PATIENCE
        while f"\n{name} {value}\n" not in self.server.request("GET", "/metrics")[2].decode():
            self.assertLess(time.monotonic(), until, name)
            time.sleep(0.05)


class Sessions(Common):
    arguments = ("--live", "40", "--per-address", "200")

    def test_a_session_begins_with_its_settings_and_takes_new_ones(self):
        session = self.open()
        self.assertEqual(self.created["type"], "session.created")
        sound = self.created["session"]["audio"]["input"]
        self.assertEqual((sound["format"], sound["turn_detection"]["type"]), ({"type": "audio/pcm", "rate": 24000}, "server_vad"))
        updated = self.by_hand(session, format={"type": "audio/pcm", "rate": 16000})
        self.assertEqual(updated["type"], "session.updated")
        sound = updated["session"]["audio"]["input"]
        self.assertEqual((sound["format"]["rate"], sound["turn_detection"], sound["transcription"]["language"]), (16000, None, "en"))
        self.assertEqual(session.close(), 1000)

    def test_the_older_dialect_is_spoken_too(self):
        session = self.open(headers=["OpenAI-Beta: realtime=v1", "Sec-WebSocket-Protocol: realtime, openai-beta.realtime-v1"])
        self.assertEqual((self.created["type"], session.headers["sec-websocket-protocol"]), ("transcription_session.created", "realtime"))
        session.send({"type": "transcription_session.update", "session": {"input_audio_format": "pcm16", "turn_detection": None,
                                                                          "input_audio_transcription": {"model": "whisper-1", "language": "en"}}})
        self.assertEqual(session.receive()["type"], "transcription_session.updated")
        session.append(SOUND)
        session.send({"type": "input_audio_buffer.commit"})
        kinds = [e["type"] for e in session.until("conversation.item.input_audio_transcription.completed")]
        self.assertIn("conversation.item.created", kinds)

    def test_a_turn_ends_by_a_commit_and_its_text_is_what_the_deltas_said(self):
        session = self.open()
        self.by_hand(session)
        items = []
        for _ in range(2):
            for _ in range(3):
                session.append(SOUND)
            session.send({"type": "input_audio_buffer.commit"})
            events = session.until("conversation.item.input_audio_transcription.completed")
            kinds = [e["type"] for e in events]
            self.assertLess(kinds.index("input_audio_buffer.committed"), kinds.index("conversation.item.added"))
            committed = next(e for e in events if e["type"] == "input_audio_buffer.committed")
            self.assertEqual(committed["previous_item_id"], items[-1] if items else None)
            self.assertEqual({e["item_id"] for e in events if "item_id" in e}, {committed["item_id"]})
            deltas = "".join(e["delta"] for e in events if e["type"].endswith("transcription.delta"))
            self.assertEqual(deltas, events[-1]["transcript"])
            self.assertAlmostEqual(events[-1]["usage"]["seconds"], 3, delta=0.1)
            items.append(committed["item_id"])
        self.assertEqual(len(set(items)), 2)

    def test_a_turn_keeps_the_settings_that_it_began_with(self):
        session = self.open()
        self.by_hand(session)
        session.append(SOUND)
        session.send({"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}})
        session.until("session.updated")
        for _ in range(3):
            session.append(SOUND)
        session.send({"type": "input_audio_buffer.commit"})
        kinds = [e["type"] for e in session.until("conversation.item.input_audio_transcription.completed")]
        self.assertNotIn("error", kinds)

    def test_answers_to_pings_do_not_gather_without_end(self):
        session = self.open()
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # little of what comes back is held for us
        session.socket.settimeout(3)
        pings, sent = WebSocket.frame(b"", PING) * 10000, 0
        try:
            while sent < 200 << 20:  # until nobody reads them any more
                sent += session.socket.send(pings)
        except OSError:
            pass
        self.assertLess(sent, 200 << 20)
        self.assertEqual(self.server.request("GET", "/health")[0], 200)

    def test_what_is_cleared_is_never_completed(self):
        session = self.open()
        self.by_hand(session)
        session.append(SOUND)
        session.send({"type": "input_audio_buffer.clear"})
        session.until("input_audio_buffer.cleared")
        session.send({"type": "input_audio_buffer.commit", "event_id": "early"})
        error = session.receive()
        self.assertEqual((error["error"]["code"], error["error"]["event_id"]), ("input_audio_buffer_commit_empty", "early"))

    def test_a_wrong_event_is_an_error_event_and_the_session_goes_on(self):
        session = self.open()
        for text, code in [("", "invalid_event"), ("{", "invalid_event"), ("[]", "invalid_event"), ("{}", "invalid_event"), ("[" * 5000, "invalid_event"),
                           ('{"type":"response.create"}', "unknown_event"), ('{"type":"x' + "\u00e9" * 60 + '"}', "unknown_event"),
                           ('{"event_id":"x' + "\u00e9" * 60 + '","type":"y"}', "unknown_event"), ('{"type":"session.update"}', "invalid_value"),
                           ('{"type":"session.update","session":{"type":"realtime"}}', "invalid_value"),
                           ('{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcmu"}}}}}', "invalid_value"),
                           ('{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad"}}}}}', "invalid_value"),
                           ('{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"threshold":7}}}}}', "invalid_value"),
                           ('{"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"huge"}}}}}', "model_not_found"),
                           ('{"type":"input_audio_buffer.append"}', "invalid_value"), ('{"type":"input_audio_buffer.append","audio":"?"}', "invalid_value"),
                           ('{"type":"input_audio_buffer.append","audio":"AAA="}', "OK"), ('{"type":"input_audio_buffer.append","audio":"AA=="}', "invalid_value")]:
            session.socket.sendall(WebSocket.frame(text.encode()))
            if code != "OK":
                self.assertEqual(session.receive()["error"]["code"], code, text)
        self.by_hand(session, transcription={"language": "klingon"})
        session.append(SOUND)
        self.assertIn("klingon", session.until("error")[-1]["error"]["message"])
        self.assertEqual(session.close(), 1000)

    def test_a_handshake_that_is_none_is_refused(self):
        self.assertEqual(self.server.request("GET", "/v1/realtime")[0], 426)
        self.refused(400, key="short")
        self.refused(400, path="/v1/realtime?intent=conversation")
        self.refused(404, path="/v1/realtime?model=huge")
        self.assertEqual(self.refused(403, headers=["Origin: http://evil.example"])["code"], "cross_origin")
        self.open(headers=[f"Origin: http://127.0.0.1:{self.server.port}"]).close()

    def test_what_comes_along_with_the_handshake_is_not_lost(self):
        session = self.open(early=WebSocket.frame(b'{"type":"input_audio_buffer.clear"}'))
        self.assertEqual(session.receive()["type"], "input_audio_buffer.cleared")

    def test_pings_are_answered_and_messages_may_come_in_pieces(self):
        session = self.open()
        session.socket.sendall(WebSocket.frame(b"hello", PING))
        self.assertEqual(session.receive_frame(), (PONG, b"hello"))
        text = b'{"type":"input_audio_buffer.clear"}'
        for i in range(0, len(text), 7):
            for byte in WebSocket.frame(text[i : i + 7], 1 if i == 0 else 0, i + 7 >= len(text)):
                session.socket.sendall(bytes([byte]))
        self.assertEqual(session.receive()["type"], "input_audio_buffer.cleared")

    def test_against_the_protocol_there_is_only_the_end(self):
        many = b"".join(WebSocket.frame(b"x", 1 if i == 0 else 0, False) for i in range(2000))
        for data, code in [(WebSocket.frame(b"{}", masked=False), 1002), (WebSocket.frame(b"\xff\xfe"), 1007), (WebSocket.frame(b"x", BINARY), 1003),
                           (WebSocket.frame(b"x", 3), 1002), (WebSocket.frame(b"x" * 126, PING), 1002), (b"\x81\xff" + b"\x7f" * 8 + b"mask" + b"x" * 99, 1009),
                           (b"\x81\xff" + struct.pack(">Q", 64 << 20) + b"mask" + b"x" * 99, 1009), (many, 1008), (WebSocket.frame(b"x", 0), 1002)]:
            session = self.open()
            session.socket.sendall(data)
            with self.assertRaises(Ended) as caught:
                while True:
                    session.receive()
            self.assertIn(caught.exception.args[0], (code, 1005, None), data[:10])
        self.open().close()

    def test_many_speak_at_once_and_nobody_hears_anothers_text(self):
        texts, alone = {}, {}

        def one(i, into):
            with WebSocket(self.server.port) as session:
                session.receive()
                self.by_hand(session, format={"type": "audio/pcm", "rate": 16000})
                for _ in range(2):
                    session.append(b"".join(struct.pack("<h", (k * (i + 3) * 97) % 20000 - 10000) for k in range(8000)))
                session.send({"type": "input_audio_buffer.commit"})
                into[i] = session.until("conversation.item.input_audio_transcription.completed")[-1]["transcript"]
                session.close()

        threads = [threading.Thread(target=one, args=(i, texts)) for i in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for i in (0, 5, 11):
            one(i, alone)
        self.assertEqual(len(texts), 12)
        for i, text in alone.items():
            self.assertEqual(texts[i], text)

    def test_a_client_who_vanishes_leaves_nothing_behind(self):
        self.wait_for("sotto_live_sessions", 0)
        session = self.open()
        self.by_hand(session)
        self.wait_for("sotto_live_sessions", 1)
        for _ in range(20):
            session.append(SOUND)
        session.socket.close()
        self.wait_for("sotto_live_sessions", 0)


class Limits(Common):
    arguments = ("--live", "3", "--idle-timeout", "3", "--per-address", "200")

    def test_there_are_so_many_sessions_and_no_more(self):
        held = [self.open() for _ in range(3)]
        self.assertEqual(self.refused(429)["code"], "too_many_sessions")
        for session in held:
            session.socket.close()
        self.wait_for("sotto_live_sessions", 0)
        self.open().close()

    def test_who_reads_nothing_is_not_listened_to_and_then_cut_off(self):
        session = self.open()
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        session.socket.settimeout(60)
        sent, update = 0, WebSocket.frame(b'{"type":"session.update","session":{"audio":{"input":{"transcription":{"prompt":"%s"}}}}}' % (b"x" * 4000))
        with self.assertRaises(OSError):
            while sent < 512 << 20:
                session.socket.sendall(update)
                sent += len(update)
        self.assertLess(sent, 64 << 20)  # what the kernel's buffers hold
        self.wait_for("sotto_live_sessions", 0)

    def test_who_sends_faster_than_can_be_heard_is_slowed(self):
        session = self.open()
        self.by_hand(session)
        count = 30

        def send():
            for _ in range(count):
                session.append(SOUND)
            session.send({"type": "input_audio_buffer.commit"})

        sender = threading.Thread(target=send)
        sender.start()
        done = session.until("conversation.item.input_audio_transcription.completed")[-1]
        sender.join()
        self.assertAlmostEqual(done["usage"]["seconds"], count, delta=0.2)


class Idle(Common):
    arguments = ("--live-idle", "1")

    def test_who_says_nothing_is_told_and_closed(self):
        session = self.open()
        self.assertEqual(session.receive()["error"]["code"], "session_idle")
        with self.assertRaises(Ended) as caught:
            session.receive()
        self.assertEqual(caught.exception.args[0], 1008)


class Keys(unittest.TestCase):
    def test_a_key_is_asked_for_and_may_come_as_a_protocol(self):
        lines = subprocess.run([SOTTO, "serve", "--new-key", "anna"], capture_output=True, check=True, text=True).stdout.splitlines()
        path = os.path.join(ROOM.name, "keys")
        with open(path, "w", encoding="utf-8") as file:
            file.write(lines[4] + "\n")
        server = serve("--keys", path)
        try:
            for headers in [[], ["Authorization: Bearer wrong"], ["Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.wrong"],
                            ["Sec-WebSocket-Protocol: realtime, openai-insecure-api-key." + "x" * 2000]]:
                with self.assertRaises(Refused) as caught:
                    WebSocket(server.port, headers=headers)
                self.assertEqual(caught.exception.args[0], 401)
            for headers in [["Authorization: Bearer " + lines[1]], ["Sec-WebSocket-Protocol: realtime, openai-insecure-api-key." + lines[1]]]:
                with WebSocket(server.port, headers=headers) as session:
                    self.assertEqual(session.receive()["type"], "session.created")
                    session.close()
            self.assertNotIn(lines[1], server.text())
        finally:
            server.stop()


class Stopping(unittest.TestCase):
    def test_a_turn_that_is_spoken_is_finished_when_the_server_stops(self):
        server = serve()
        with WebSocket(server.port) as session:
            session.receive()
            session.send({"type": "session.update", "session": {"audio": {"input": {"turn_detection": None, "transcription": {"language": "en"}}}}})
            session.receive()
            session.append(SOUND)
            session.send({"type": "session.update", "session": {}})
            session.until("session.updated")
            server.process.terminate()
            session.until("conversation.item.input_audio_transcription.completed")
            with self.assertRaises(Ended) as caught:
                session.receive()
            self.assertEqual(caught.exception.args[0], 1001)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
