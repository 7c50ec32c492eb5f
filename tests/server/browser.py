"""What tests in headless Chromium share. Importing it ends the program with 77 (skipped) where Chromium's driver is missing."""
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

from support import PATIENCE, with_weights

SOTTO, RECORDING = sys.argv[1:3]
PICTURES = os.environ.get("PICTURES")


def options_of(*more):
    options = webdriver.ChromeOptions()
    for option in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *more]:
        options.add_argument(option)
    return options


class Browser(unittest.TestCase):
    """One server and one browser for all tests of a class."""

    @classmethod
    def begin(cls, options):
        cls.server = with_weights(SOTTO, "tiny.en")
        cls.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        cls.browser.set_page_load_timeout(PATIENCE)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.server.stop()

    def load(self):
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
        if PICTURES:
            self.browser.save_screenshot(os.path.join(PICTURES, name + ".png"))
