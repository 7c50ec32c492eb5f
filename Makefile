# Meson and ninja do the work; this file says what there is to do. `make help` lists it.
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
DATA    ?=
SECONDS ?= 60
MODEL   ?= base

SOTTO = $(BUILD)/sotto

.PHONY: all demo test deb accuracy bench constancy picture limit bench-speakers fuzz install clean help hours load
.NOTPARALLEL:

all: ## build the program and the library (build/sotto); installs missing Debian packages first
	@scripts/setup.sh build
	@scripts/build.sh $(BUILD)

demo: all ## transcribe the recording in assets/ with Whisper base, in INT8
	@scripts/demo.sh $(SOTTO)

test: ## build, fetch weights, run every test
	@scripts/setup.sh build test page
	@scripts/build.sh $(BUILD)
	@scripts/test.sh $(BUILD)

accuracy: ## word error rates and parity beside faster-whisper: make accuracy DATA=dir
	@test -n "$(DATA)" || { echo "usage: make accuracy DATA=dir   (dir holds speech/manifest.tsv)" >&2; exit 2; }
	@scripts/setup.sh build test venv
	@scripts/build.sh $(BUILD)
	@scripts/accuracy.sh $(BUILD) "$(DATA)"

bench: ## sotto and its rivals on the same files, interleaved; SET=ten DATA=dir: ten files; RIVALS=all: OpenVINO too [FILES="a.wav b.wav"]
	@scripts/setup.sh build venv rivals
	@scripts/build.sh $(BUILD)
	@bench/bench.sh $(BUILD) $(FILES)

constancy: ## speed and memory from ten minutes to ten hours, by threads, beside a busy core: make constancy DATA=dir [PARTS="threads hour"]
	@test -n "$(DATA)" || { echo "usage: make constancy DATA=dir   (dir holds speech/manifest.tsv)" >&2; exit 2; }
	@scripts/setup.sh build venv
	@scripts/build.sh $(BUILD)
	@bench/constancy.sh $(BUILD) "$(DATA)" $(PARTS)

picture: ## docs/speed.svg from the results of the last `make bench SET=ten`
	@python3 -B bench/picture.py $(BUILD)-rivals/bench/results-ten.json docs/speed.svg

bench-speakers: ## who speaks, beside ONNX Runtime: the networks, whole recordings, text and speakers together [FILES=a.wav]
	@scripts/setup.sh build venv
	@scripts/build.sh $(BUILD)
	@bench/speakers.sh $(BUILD) $(FILES)

limit: all ## what multipliers and memory of this machine allow, stage by stage, and the share reached [FILES=a.wav]
	@ninja -C $(BUILD) --quiet bench/limit
	@$(BUILD)/bench/limit $(or $(firstword $(FILES)),assets/meeting.wav) $(MODEL)

fuzz: ## run each fuzz target for SECONDS (60) with clang's libFuzzer
	@scripts/setup.sh build test fuzz
	@scripts/fuzz.sh $(BUILD)-fuzz $(SECONDS)

load: all ## 200 clients at once for a minute on the server, and a short clip behind long files [MODEL=base SECONDS=60]
	@for model in vad $(MODEL); do $(SOTTO) model fetch -q $$model || exit 1; done
	@bench/load.py $(SOTTO) $(MODEL) assets/meeting.wav --seconds $(SECONDS)
	@bench/load.py $(SOTTO) $(MODEL) assets/meeting.wav --behind

hours: all ## ten hours in bounded memory, killed at random moments and gone on with; and of twenty speakers: make hours [MODEL=base] [DATA=dir, for speech without pauses]
	@scripts/ten_hours.py $(SOTTO) "$$($(SOTTO) model fetch $(MODEL))" $(if $(DATA),"$(DATA)/speech/manifest.tsv" --pause 0.5,assets/meeting.wav --pause 600)
	@ninja -C $(BUILD) --quiet bench/speakers_hours
	@$(BUILD)/bench/speakers_hours 10 20

deb: all ## make a Debian package in build/: the program, its unit, its user, /etc/default/sotto
	@scripts/setup.sh build deb
	@scripts/deb.sh $(BUILD)

install: all ## install under PREFIX (/usr/local), with a pkg-config file; DESTDIR is honoured
	@scripts/install.sh $(BUILD) "$(PREFIX)" "$(DESTDIR)"

clean: ## remove what was built (weights in the cache stay)
	rm -rf $(BUILD) $(BUILD)-fuzz $(BUILD)-clang $(BUILD)-gcc $(BUILD)-address $(BUILD)-thread $(BUILD)-aarch64

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-21s %s\n", $$1, $$2 }'
