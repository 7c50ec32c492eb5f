"""A real recording through the program with Whisper base, and a fault in mid-run: the same transcript, and a fallback that is counted.

Sampled: each run takes some seconds. SWEEP=full puts a fault at every command and at every third system call of the window.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import wave

SOTTO = sys.argv.pop(1)
RECORDING = sys.argv.pop(1)
FULL = os.environ.get("SWEEP") == "full"

# A window of base on the emulator: 5 known answers, 6 shapes, then the 50 commands of the window itself.
FIRST_COMMAND, LAST_COMMAND = 12, 61
FIRST_CALL, LAST_CALL = 170, 380
EIO, ENOMEM, EINVAL, ENODEV, ETIME, EAGAIN = 5, 12, 22, 19, 62, 11


def transcribe(wav, *more, **environment):
    env = {k: v for k, v in os.environ.items() if k not in ("NPU_MATMUL_ENABLED", "MATMUL_XCLBIN", "SOTTO_EMULATOR_FAULT")}
    env.update(environment)
    done = subprocess.run([SOTTO, "transcribe", wav, "-m", "base", "-l", "en", "-q", "-f", "json", *more], capture_output=True, text=True,
                          timeout=300, env=env)
    if done.returncode:
        return None, done.stderr
    result = json.loads(done.stdout)
    result.pop("timing")
    return result, done.stderr


def command_faults():
    kinds = ("hang:{}", "state:{}:5", "flip:{}:7919", "state:{}:6", "silent:{}", "state:{}:8", "flip:{}:1", "state:{}:9")
    step = 1 if FULL else 7
    return [kinds[i % len(kinds)].format(at) for i, at in enumerate(range(FIRST_COMMAND, LAST_COMMAND + 1, step))]


def call_faults():
    errors = (EIO, ENOMEM, EINVAL, ENODEV, ETIME, EAGAIN)
    step = 3 if FULL else 40
    faults = [f"errno:{at}:{errors[i % len(errors)]}" for i, at in enumerate(range(FIRST_CALL, LAST_CALL + 1, step))]
    return faults + [f"gone:{at}" for at in range(FIRST_CALL, LAST_CALL + 1, 70)]


class Sweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.wav = os.path.join(cls.folder.name, "short.wav")
        with wave.open(RECORDING) as source, wave.open(cls.wav, "wb") as out:
            out.setparams(source.getparams())
            out.writeframes(source.readframes(9 * source.getframerate()))
        cls.cpu, errors = transcribe(cls.wav, "--device", "cpu")
        if cls.cpu is None:
            cls.folder.cleanup()
            print(errors, file=sys.stderr)
            sys.exit(77 if "no model of this name" in errors else 1)
        cls.cpu.pop("device")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def check(self, fault):
        result, errors = transcribe(self.wav, "--device", "emulator", SOTTO_EMULATOR_FAULT=fault)
        self.assertIsNotNone(result, f"{fault}: {errors}")
        device = result.pop("device")
        self.assertEqual(result, self.cpu, fault)
        return device, errors

    def test_without_a_fault_the_device_does_it_all(self):
        result, errors = transcribe(self.wav, "--device", "emulator")
        device = result.pop("device")
        self.assertEqual((result, errors), (self.cpu, ""))
        self.assertEqual((device["products"]["encoder"], device["products"]["cross"], device["fallbacks"]), ({"cpu": 0, "npu": 36}, {"cpu": 0, "npu": 12}, 0))

    def test_any_command_may_end_badly(self):
        for fault in command_faults():
            device, errors = self.check(fault)
            self.assertGreater(device["fallbacks"], 0, fault)
            self.assertIn("the CPU does its work", errors, fault)

    def test_any_call_may_fail(self):
        counted = 0
        for fault in call_faults():
            device, errors = self.check(fault)
            # A call that is made again (EAGAIN), and one that only gives back, fail without harm.
            self.assertEqual(device["fallbacks"] > 0, "the CPU does its work" in errors, fault)
            counted += device["fallbacks"] > 0
        self.assertGreater(counted, len(call_faults()) // 2)


if __name__ == "__main__":
    unittest.main()
