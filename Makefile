# Every target is a call of tools/run.py, which needs nothing but Python. Arguments: make demo ARGS="--rows all"
PYTHON ?= python3
ARGS ?=

.PHONY: demo test lint bench clean
demo test lint bench clean:
	@$(PYTHON) tools/run.py $@ $(ARGS)
