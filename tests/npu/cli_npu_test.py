"""The program's commands for devices, from outside: exit status, standard output, standard error."""
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import wave

SOTTO = sys.argv.pop(1)
CORPUS = pathlib.Path(sys.argv.pop(1))
SYNTHETIC = sys.argv.pop(1)


def run(*arguments, **environment):
    env = {k: v for k, v in os.environ.items() if k not in ("NPU_MATMUL_ENABLED", "MATMUL_XCLBIN")}
    env.update(environment)
    return subprocess.run([SOTTO, *map(str, arguments)], capture_output=True, text=True, timeout=100, env=env)


class Device(unittest.TestCase):
    def test_list_invents_nothing(self):
        done = run("device", "list")
        self.assertEqual(done.returncode, 0)
        self.assertIn("emulator", done.stdout)
        for line in ("driver: amdxdna 0.0", "firmware: 1.5.5.391", "array: 5 columns x 6 rows, AIE version 1.1", "clocks: NPU 400 MHz, array 800 MHz",
                     "power: not available", "column utilisation: not available", "power mode: not available", "rate: not available"):
            self.assertIn("  " + line, done.stdout)
        self.assertIn("energy counter (RAPL)", done.stdout)

    def test_check_compares_with_the_cpu_and_counts_commands(self):
        done = run("device", "check", "--device", "emulator")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("equal to the CPU, byte by byte"), 6)
        self.assertIn("commands completed, by the driver's count: 11", done.stdout)

    def test_inspect_prints_an_xclbin(self):
        done = run("device", "inspect", CORPUS / "fuzz_xclbin" / "gemm.xclbin")
        self.assertEqual(done.returncode, 0)
        self.assertIn("AIE_PARTITION", done.stdout)
        self.assertIn("usable on XDNA1: yes", done.stdout)

    def test_inspect_decodes_streams_in_both_forms(self):
        binary, text = (run("device", "inspect", CORPUS / "fuzz_txn" / name) for name in ("tile16.bin", "tile16.txt"))
        self.assertEqual((binary.returncode, text.returncode), (0, 0))
        self.assertEqual(binary.stdout, text.stdout)
        self.assertEqual(sum(word in binary.stdout for word in ("BLOCKWRITE", "PATCH", "SYNC", "WRITE ", "MASKWRITE")), 5)

    def test_what_cannot_be_read_is_one_line_and_status_1(self):
        for name in ("fuzz_xclbin/lfs.txt", "fuzz_xclbin/truncated.xclbin", "fuzz_txn/truncated.bin", "none"):
            done = run("device", "inspect", CORPUS / name)
            self.assertEqual(done.returncode, 1, name)
            self.assertEqual(len(done.stderr.splitlines()), 1, name)

    def test_wrong_use_is_status_2(self):
        for arguments in (["device"], ["device", "fly"], ["device", "inspect"], ["device", "check", "--device", "cpu"], ["matmul"],
                          ["matmul", "1", "2"], ["matmul", "1", "2", "x"], ["matmul", "0", "1", "1"], ["matmul", "1", "1", "1", "--kernel", "no"],
                          ["bench"], ["bench", "--audio"], ["bench", "--audio", "x", "--device", "no"]):
            self.assertEqual(run(*arguments).returncode, 2, arguments)

    def test_a_device_that_is_not_there_is_an_error_with_advice(self):
        done = run("matmul", 16, 16, 16, "--device", "xdna", "--xclbin", "/none.xclbin")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("sotto: matmul: "))


class Matmul(unittest.TestCase):
    def test_the_emulator_is_exact(self):
        done = run("matmul", 70, 130, 90, "--device", "emulator", "--iterations", 3)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("0 of 6300 entries differ", done.stdout)
        self.assertIn("products 3: 3 on the device, 0 on the CPU, 0 fallbacks", done.stdout)

    def test_a_tile_kernel_says_that_it_is_lossy(self):
        done = run("matmul", 32, 32, 32, "--device", "emulator", "--kernel", "tile16", "--iterations", 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("lossy", done.stdout)
        self.assertIn("dispatches 8", done.stdout)

    def test_an_hour_of_dispatches_needs_force(self):
        done = run("matmul", 1500, 512, 2048, "--device", "emulator", "--kernel", "tile16")
        self.assertEqual(done.returncode, 1)
        self.assertIn("385024 dispatches", done.stderr)
        self.assertIn("--force", done.stderr)

    def test_the_variable_falls_back_with_a_line(self):
        done = run("matmul", 16, 16, 16, NPU_MATMUL_ENABLED="1", MATMUL_XCLBIN="/none.xclbin")
        self.assertEqual(done.returncode, 0)
        self.assertIn("on cpu", done.stdout)
        self.assertNotEqual(done.stderr, "")
        self.assertEqual(run("matmul", 16, 16, 16, NPU_MATMUL_ENABLED="0").stderr, "")


class Transcribe(unittest.TestCase):
    """A window of a random model: what counts is that nobody can tell who multiplied."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.wav, cls.models = (os.path.join(cls.folder.name, name) for name in ("tone.wav", "m"))
        for precision in ("int8", "f32"):
            subprocess.run([SYNTHETIC, f"{cls.models}.{precision}.sotto", precision], check=True)
        with wave.open(cls.wav, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(i * i / 90000))) for i in range(16000)))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def transcribe(self, *more, precision="int8", status=0, **environment):
        done = run("transcribe", self.wav, "-m", f"{self.models}.{precision}.sotto", "-l", "en", "--no-vad", "--no-fallback", "-q", "-f", "json",
                   *more, **environment)
        self.assertEqual(done.returncode, status, done.stderr)
        if status:
            return done
        result = json.loads(done.stdout)
        result.pop("timing")
        return result.pop("device"), result, done.stderr

    def test_the_same_result_whoever_multiplies(self):
        device, cpu, _ = self.transcribe("--device", "cpu")
        self.assertEqual((device["path"], device["matmuls_npu"]), ("cpu", 0))
        total = device["matmuls_cpu"]
        device, emulator, _ = self.transcribe("--device", "emulator")
        self.assertEqual(emulator, cpu)
        # 2 layers: 6 products each; cross keys and values.
        products = device.pop("products")
        self.assertEqual(device, {"path": "emulator", "matmuls_cpu": total - 16, "matmuls_npu": 16, "fallbacks": 0, "retries": 0, "lossy": False, "commands_completed": 18})  # 8 a layer, 2 more
        self.assertEqual(products["encoder"], {"cpu": 0, "npu": 12})
        self.assertEqual(products["cross"], {"cpu": 0, "npu": 4})
        self.assertEqual(products["convolution"], {"cpu": 0, "npu": 1})
        self.assertEqual(products["qk"], {"cpu": 2, "npu": 0})
        self.assertEqual(products["decoder"], {"cpu": total - 16, "npu": 0})
        self.assertEqual(products["logits"]["npu"], 0)
        device, attention, _ = self.transcribe("--device", "emulator", "--npu-attention")
        self.assertEqual(attention, cpu)
        self.assertEqual(device["matmuls_npu"], 16)
        self.assertEqual((device["products"]["qk"], device["products"]["pv"]), ({"cpu": 0, "npu": 2}, {"cpu": 0, "npu": 2}))
        device, everything, _ = self.transcribe("--device", "emulator", "--npu-all")
        self.assertEqual(everything, cpu)
        self.assertEqual((device["matmuls_cpu"], device["matmuls_npu"], device["fallbacks"]), (0, total, 0))
        self.assertEqual(device["products"]["logits"]["cpu"], 0)
        self.assertGreater(device["products"]["logits"]["npu"], 0)

    def test_a_tile_kernel_needs_force_and_its_result_says_lossy(self):
        done = self.transcribe("--device", "emulator", "--kernel", "tile64", status=1)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("dispatches for each 30 s", done.stderr)
        device, _, errors = self.transcribe("--device", "emulator", "--kernel", "tile64", "--force")
        self.assertEqual((device["path"], device["lossy"], device["matmuls_npu"], device["fallbacks"]), ("emulator", True, 16, 0))
        self.assertIn("lossy", errors)
        self.assertEqual(self.transcribe("--device", "emulator", "--kernel", "tile7", status=2).stdout, "")

    def test_faults_change_no_result(self):
        _, cpu, _ = self.transcribe("--device", "cpu")
        for fault in ("hang:14", "flip:16:999", "state:12:5", "state:13:6", "state:13:9", "silent:15", "gone:120", "errno:130:5", "errno:150:12"):
            device, result, errors = self.transcribe("--device", "emulator", SOTTO_EMULATOR_FAULT=fault)
            self.assertEqual(result, cpu, fault)
            self.assertGreater(device["fallbacks"], 0, fault)
            self.assertIn("emulator is not used", errors, fault)
        for fault, word in (("heap", "memlock"), ("firmware", "firmware 99"), ("errno:1:13", "usermod"), ("gone:1", "sotto")):
            done = self.transcribe("--device", "emulator", status=1, SOTTO_EMULATOR_FAULT=fault)
            self.assertEqual(done.stdout, "")
            self.assertIn(word, done.stderr, fault)
        self.assertIn("KIND", self.transcribe("--device", "emulator", status=1, SOTTO_EMULATOR_FAULT="flood").stderr)

    def test_bench_tells_all_of_both_apart(self):
        arguments = ("bench", "--audio", self.wav, "--model", f"{self.models}.int8.sotto", "--language", "en", "--device", "emulator",
                     "--reference", "nothing of the kind")
        done = run(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        cpu, emulator = report["runs"]
        self.assertEqual((cpu["device"], emulator["device"], emulator["identical"]), ("cpu", "emulator", True))
        self.assertEqual((cpu["wer_cpu"], emulator["wer_cpu"]), (None, 0))
        self.assertEqual(cpu["wer_reference"], emulator["wer_reference"])
        for stage in ("whole", "encoder", "decoder"):
            for one in (cpu, emulator):
                self.assertGreater(one[stage]["seconds"], 0)
                self.assertGreater(one[stage]["realtime_factor"], 0)
                self.assertGreater(one[stage]["peak_memory"], 0)
                self.assertIn("energy", one[stage])
            self.assertIsNone(cpu[stage]["npu_utilisation"])
            self.assertGreaterEqual(cpu["whole"]["peak_memory"], cpu[stage]["peak_memory"])
        self.assertTrue(0 < emulator["encoder"]["npu_utilisation"] <= 1)
        self.assertEqual(emulator["encoder"]["products"], {"cpu": 0, "npu": 12})
        self.assertEqual(emulator["products"]["cross"], {"cpu": 0, "npu": 4})
        self.assertEqual(cpu["products"]["encoder"], {"cpu": 12, "npu": 0})
        text = run(*arguments).stdout
        for word in ("whole", "encoder", "decoder", "x realtime", "NPU busy", "peak memory", "energy of the CPU", "text identical", "logits"):
            self.assertIn(word, text)

    def test_option_before_variable_before_cpu(self):
        enabled = {"NPU_MATMUL_ENABLED": "1", "MATMUL_XCLBIN": "/none.xclbin"}
        device, cpu, errors = self.transcribe()
        self.assertEqual((device["path"], errors), ("cpu", ""))
        device, result, errors = self.transcribe(**enabled)
        self.assertEqual((device["path"], result), ("cpu", cpu))
        self.assertIn("NPU_MATMUL_ENABLED is set, but the CPU does the work", errors)
        device, result, errors = self.transcribe("--device", "cpu", **enabled)
        self.assertEqual((device["path"], result, errors), ("cpu", cpu, ""))
        self.assertEqual(self.transcribe(NPU_MATMUL_ENABLED="0")[0]["path"], "cpu")

    def test_a_device_asked_for_by_name_is_needed(self):
        done = self.transcribe("--device", "xdna", status=1, MATMUL_XCLBIN="/none.xclbin")
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        done = self.transcribe("--device", "emulator", precision="f32", status=1)
        self.assertIn("float32", done.stderr)


if __name__ == "__main__":
    unittest.main()
