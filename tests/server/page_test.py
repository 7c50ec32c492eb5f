"""The page in headless Chromium: upload, progress, text, words that are heard, speakers, search, downloads, keyboard.

PICTURES=DIR (environment): save pictures there. Usage: page_test.py SOTTO RECORDING [unittest options]   Skipped (77) without Chromium's driver.
"""
import os
import sys
import tempfile
import time
import unittest

from browser import RECORDING, Browser, options_of
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


def text_of(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


class Page(Browser):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        options = options_of("--window-size=1100,900", "--autoplay-policy=no-user-gesture-required")
        options.add_experimental_option("prefs", {"download.default_directory": cls.folder.name})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.begin(options)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def upload(self):
        self.load()
        self.find("file").send_keys(os.path.abspath(RECORDING))
        self.wait(lambda: self.find("state").text.startswith("done"))

    def two_speakers(self):
        self.browser.execute_script("state.segments.forEach((s, i) => { s.speaker = 'SPEAKER_0' + i % 2; }); showAll();")

    def test_a_recording_becomes_text_that_can_be_heard_and_searched(self):
        self.upload()
        self.assertIn("Chicago", self.find("text").text)
        self.assertEqual(self.find("badge").text, "CPU")
        self.assertFalse(self.find("problem").is_displayed())
        word = next(b for b in self.find("text").find_elements(By.TAG_NAME, "button") if b.text.startswith("Chicago"))
        start = float(word.get_attribute("data-start"))
        word.click()
        self.wait(lambda: self.browser.execute_script("return document.getElementById('audio').currentTime") >= start)
        self.browser.execute_script("document.getElementById('audio').pause()")
        self.find("search").send_keys("chicago")
        self.assertRegex(self.find("hits").text, "[1-9] found")
        self.assertTrue(self.browser.find_elements(By.CSS_SELECTOR, "#text .hit"))
        self.find("search").send_keys(Keys.CONTROL, "a")
        self.find("search").send_keys(Keys.DELETE)
        self.assertEqual([e for e in self.browser.get_log("browser") if e["level"] == "SEVERE"], [])

    def test_speakers_get_names_that_go_into_downloads(self):
        self.upload()
        self.two_speakers()
        field = self.browser.find_element(By.CSS_SELECTOR, "#people input")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys("Sheila", Keys.TAB)
        self.assertIn("Sheila:", self.find("text").text)
        for kind in ["txt", "srt", "vtt", "json", "rttm"]:
            self.browser.find_element(By.CSS_SELECTOR, f"[data-format={kind}]").click()
            path = os.path.join(self.folder.name, os.path.basename(RECORDING).rsplit(".", 1)[0] + "." + kind)
            self.wait(lambda p=path: "Sheila" in text_of(p))  # a download is there before it is whole
            os.remove(path)

    def test_what_cannot_be_done_is_said(self):
        self.upload()
        path = os.path.join(self.folder.name, "junk.wav")
        with open(path, "wb") as file:
            file.write(b"this is no recording" * 100)
        self.find("file").send_keys(path)
        self.wait(lambda: self.find("problem").is_displayed())
        self.assertIn("recording", self.find("problem").text)

    def test_it_fits_a_phone_and_the_dark(self):
        self.upload()
        self.two_speakers()
        for scheme in ["light", "dark"]:
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            time.sleep(0.2)
            self.picture(scheme)
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True})
        time.sleep(0.3)
        self.picture("phone")
        self.assertLessEqual(self.browser.execute_script("return document.documentElement.scrollWidth"), 390)
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def test_every_control_has_a_name_and_can_be_reached_by_keyboard(self):
        self.upload()
        nameless = self.browser.execute_script(
            "return [...document.querySelectorAll('input,select,button,canvas')].filter((e) => e.offsetParent && !(e.labels && e.labels.length)"
            " && !e.getAttribute('aria-label') && !e.textContent.trim()).map((e) => e.outerHTML)")
        self.assertEqual(nameless, [])
        self.find("wave").click()
        before = self.browser.execute_script("return document.getElementById('audio').currentTime")
        self.find("wave").send_keys(Keys.ARROW_LEFT)
        self.assertLess(self.browser.execute_script("return document.getElementById('audio').currentTime"), before)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
