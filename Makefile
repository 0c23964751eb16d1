# make demo [SPEECH=path.wav EMOTION=happy] | make test | make test-all | make extension | make head
# make train-default [VOICES=folder of recorded voices] | make evaluate | make ablations | make toy-recipe [VOICES="hibari flite espeak"]

PYTHON ?= python3.11
# CPU or CUDA is pip's choice from the indexes it knows; TORCH takes any requirement, with options.
TORCH ?= torch==2.13.0
SPEECH ?= demo/speech.wav
EMOTION ?=
# train-default: a folder of recorded voices, as docs/training.md lists them; toy-recipe: synthetic voices.
VOICES ?=
OF_VOICES := --corpus work/voices --folder work/voices/features
AND_VOICES := $(if $(VOICES),--voices work/voices)
BIN := .venv/bin
# Else each of the tests' many processes would compile torch, transformers and all tests again.
unexport PYTHONDONTWRITEBYTECODE
# Modules are compiled as they are first imported: most of torch and bpy never is.
PIP := -m pip install --quiet --no-compile
# Two files of tests at a time, of one thread each: faster on two cores than one with two threads.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder --durations=25
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE)
# On the other Blender; its environment has no torch, and so no typeguards.
PYTEST_50 := OMP_NUM_THREADS=1 ECOFACE_PYTHON=$(CURDIR)/$(BIN)/python .venv-bpy50/bin/python -m pytest -o addopts=-q \
	$(SIDE_BY_SIDE) tests/blender/test_blender_*.py

# Files that have such tests, so that the others are not imported.
SLOW := $$(grep -rlE 'mark\.(slow|shipped)' tests --include='test_*.py')

.PHONY: demo test test-all environments lint test-50 extension train-default evaluate ablations toy-recipe head clean

demo: .venv/demo.done
	$(BIN)/python tools/demo.py $(SPEECH) $(if $(EMOTION),--emotion $(EMOTION)) --out out/demo

# What the markers mean stands in pyproject.toml.
test: environments
	$(MAKE) --no-print-directory --jobs=2 lint test-50
	$(PYTEST) -m "not slow and not shipped"

# make test, and what it leaves out.
test-all: test
	$(PYTEST) -m "slow or shipped" $(SLOW)
	$(PYTEST_50) -m "slow or not blender_version"

# Both at a time: each keeps one core busy.
environments:
	$(MAKE) --no-print-directory --jobs=2 .venv/test.done .venv-bpy50/done

test-50: .venv/test.done .venv-bpy50/done
	$(PYTEST_50) -m "blender_version and not slow"

lint: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

extension: .venv/demo.done
	$(BIN)/python tools/build_extension.py

head: .venv/test.done
	$(BIN)/python -m training.reference_head

# Corpus to model file and its scores; every step resumes where it was stopped.
train-default: .venv/test.done
	$(BIN)/python -m training.whisper_weights
	$(BIN)/python -m training.synthetic.corpus work/corpus --hours 3.9
	$(BIN)/python -m training.synthetic.perform work/corpus
	$(BIN)/python -m training.features --kind content --n-variants 3
	$(BIN)/python -m training.features --kind front --n-variants 2
	$(BIN)/python -m training.faces work/corpus --out work/faces
	$(BIN)/python -m training.train_sync
ifdef VOICES
	$(BIN)/python -m training.prepare voices "$(VOICES)" work/voices
	$(BIN)/python -m training.features --kind front --n-variants 6 $(OF_VOICES)
else
	@echo "No recorded voices (VOICES=FOLDER): the model will not learn to name the emotions of people, only"
	@echo "those of synthetic speech; docs/training.md says which corpora it can learn from. Going on."
endif
	$(BIN)/python -m training.train_emotion $(AND_VOICES)
	$(BIN)/python -m training.features --kind emotion --n-variants 2
	$(if $(VOICES),$(BIN)/python -m training.features --kind emotion --n-variants 2 $(OF_VOICES))
	$(BIN)/python -m training.train_motion $(AND_VOICES)
	$(BIN)/python -m training.release
	$(MAKE) evaluate

evaluate: .venv/test.done
	$(BIN)/python -m training.evaluate table --sync work/sync/sync.safetensors
	$(BIN)/python -m training.evaluate exchange
	$(BIN)/python -m training.evaluate styles
	$(BIN)/python -m training.evaluate alive
	$(BIN)/python -m training.evaluate figures --emotion work/emotion --sync work/sync \
		--runs work/sync work/emotion work/motion
	$(BIN)/python -m training.evaluate real-speech
	$(PYTEST) -m shipped
	$(if $(wildcard work/voices/manifest.jsonl),$(BIN)/python -m training.evaluate listening --references)

# After train-default's stages: short runs, one table in work/ablations.
ablations: .venv/test.done
	$(BIN)/python -m training.ablations

# The whole recipe in minutes: that every stage runs, not that it learns. VOICES=hibari needs no Debian package.
toy-recipe: .venv/test.done
	$(BIN)/python tools/toy_recipe.py $(if $(VOICES),--voices $(VOICES))

.venv/python.done:
	@command -v $(PYTHON) >/dev/null || { echo "EcoFace needs Python 3.11: expected '$(PYTHON)' on the PATH, found none; install it or say make PYTHON=/path/to/python3.11."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) $(TORCH)
	@touch $@

.venv/demo.done: .venv/python.done pyproject.toml
	$(BIN)/python $(PIP) --editable ".[blender,preview]"
	@$(BIN)/python tools/check_system.py
	@touch $@

.venv/test.done: .venv/demo.done pyproject.toml
	$(BIN)/python $(PIP) --editable ".[test]"
	@touch $@

# Blender 5.0's wheel has its own environment: both wheels are called bpy.
.venv-bpy50/done: pyproject.toml
	$(PYTHON) -m venv .venv-bpy50
	.venv-bpy50/bin/python $(PIP) bpy==5.0.1 "numpy>=1.26,<2" pytest pytest-xdist
	@touch $@

clean:
	rm -rf out dist build
