"""Prints the table of Documentation/Models.md from models/*.json: python models_table.py"""

import json
from pathlib import Path


def rows():
    for path in sorted((Path(__file__).parent / "models").glob("*.json")):
        value = json.loads(path.read_text())
        if isinstance(value, dict) and "state_digest" in value:
            yield value


print("| network | parameters | image | size of logits | PyTorch's float32 error | allowed |")
print("|---|---|---|---|---|---|")
for value in rows():
    entry = value["logits"][0]
    side = entry["input"][-1]
    print(f"| {value['name']} | {value['total_params'] / 1e6:.1f} M | {side}x{side} | {entry['rms']:.2g} "
          f"| {entry['max_abs_diff_float32']:.1e} | {entry['atol']:.1e} |")
