"""Writes the folders of golden cases that this repository made itself; see README.md.

    python generate.py
"""

import warnings

import bfloat16
import draws
import layers
import lbfgs
import losses
import ops
import optimizers
import schedules
import sequences
import transforms

warnings.filterwarnings("ignore")
for part in (ops, bfloat16, layers, losses, draws, optimizers, lbfgs, schedules, sequences, transforms):
    part.write()
