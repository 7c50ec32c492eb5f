"""The page with a microphone (Chromium's own imitation, which plays a file) and with real speakers.

PICTURES=DIR (environment): save pictures there. Usage: page_sound_test.py SOTTO RECORDING [unittest options]   Skipped (77) without
Chromium's driver or the models.
"""
import os
import sys
import time
import unittest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
except ImportError:
    sys.exit(77)
if not os.path.exists("/usr/bin/chromedriver"):
    sys.exit(77)

from support import PATIENCE, Server

SOTTO, RECORDING = sys.argv[1:3]
MODELS = os.environ.get("SOTTO_MODELS", os.path.expanduser("~/.cache/sotto"))


class Sound(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            cls.server = Server(SOTTO, "-m", "tiny.en")
        except RuntimeError as failure:
            raise unittest.SkipTest(str(failure)) from failure
        options = webdriver.ChromeOptions()
        for option in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1100,1400",
                       "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
                       f"--use-file-for-fake-audio-capture={os.path.abspath(RECORDING)}"]:
            options.add_argument(option)
        cls.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        cls.browser.set_page_load_timeout(60)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.server.stop()

    def setUp(self):
        self.browser.get(f"http://127.0.0.1:{self.server.port}/")
        self.wait(lambda: self.find("model").text)

    def find(self, name):
        return self.browser.find_element(By.ID, name)

    def wait(self, condition):
        until = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), until, self.find("state").text + self.find("problem").text)
            time.sleep(0.05)

    def picture(self, name):
        if os.environ.get("PICTURES"):
            self.browser.save_screenshot(os.path.join(os.environ["PICTURES"], name + ".png"))

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
