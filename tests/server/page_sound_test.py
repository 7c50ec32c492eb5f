"""The page with a microphone (Chromium's own imitation, which plays a file) and with real speakers.

PICTURES=DIR (environment): save pictures there. Usage: page_sound_test.py SOTTO RECORDING [unittest options]   Skipped (77) without
Chromium's driver or the models.
"""
import os
import sys
import time
import unittest

from browser import RECORDING, Browser, options_of
from selenium.webdriver.common.by import By

MODELS = os.environ.get("SOTTO_MODELS", os.path.expanduser("~/.cache/sotto"))


class Sound(Browser):
    @classmethod
    def setUpClass(cls):
        cls.begin(options_of("--window-size=1100,1400", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
                             f"--use-file-for-fake-audio-capture={os.path.abspath(RECORDING)}"))

    def setUp(self):
        self.load()

    def test_the_microphone_is_recorded_and_transcribed(self):
        button = self.find("record")
        button.click()
        self.wait(lambda: button.get_attribute("aria-pressed") == "true" or self.find("problem").is_displayed())
        self.assertFalse(self.find("problem").is_displayed(), self.find("problem").text)
        time.sleep(3)  # what is recorded; no result depends on how much it is
        button.click()
        self.wait(lambda: self.find("state").text.startswith("done"))
        self.assertEqual(button.get_attribute("aria-pressed"), "false")
        self.assertEqual(self.find("name").text, "recording.webm")
        self.assertGreater(self.browser.execute_script("return state.duration"), 0.5)

    def test_speakers_are_coloured_in_the_picture_and_the_text(self):
        if not os.path.exists(os.path.join(MODELS, "speakers.sotto")):
            self.skipTest("no speaker model")
        self.find("speakers").click()
        self.find("file").send_keys(os.path.abspath(RECORDING))
        self.wait(lambda: self.find("state").text.startswith("done"))
        self.assertGreaterEqual(len(self.find("people").find_elements(By.TAG_NAME, "input")), 2)
        colours = {li.value_of_css_property("border-left-color") for li in self.find("text").find_elements(By.TAG_NAME, "li")}
        self.assertGreaterEqual(len(colours), 2)
        drawn = self.browser.execute_script(
            "const c = document.getElementById('wave'), d = c.getContext('2d').getImageData(0, c.height - 6, c.width, 1).data, seen = new Set();"
            "for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255) seen.add([d[i], d[i + 1], d[i + 2]].join()); return seen.size")
        self.assertGreaterEqual(drawn, 2)
        self.picture("speakers")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
