"""Compiles every CUDA kernel with NVRTC for each kind of card and prints registers, spills and stack per kernel.

No GPU is needed. Usage: kernels.py [--only FILE.cu] [--all] [capability ...], such as 9.0; the wheel nvidia-cuda-nvrtc must be installed.
"""

import argparse
import ctypes
import glob
import importlib.metadata
import os
import re
import sys

CAPABILITIES = ["7.5", "8.0", "8.6", "8.9", "9.0", "10.0"]
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Sources", "CCUDAKernels")


class Compiler:
    """NVRTC, with the headers under their file names as `KernelCompiler` passes them."""

    def __init__(self):
        files = importlib.metadata.files("nvidia-cuda-nvrtc") or []
        found = [str(f.locate()) for f in files if re.search(r"libnvrtc\.so\.\d+$", str(f))]
        if not found:
            sys.exit("expected libnvrtc.so in the wheel nvidia-cuda-nvrtc, found none")
        self.library = ctypes.CDLL(found[0])
        self.library.nvrtcGetErrorString.restype = ctypes.c_char_p
        headers = sorted(glob.glob(SOURCES + "/**/*.h", recursive=True))
        headers = [h for h in headers if os.path.basename(h) != "CCUDAKernels.h"]
        self.names = (ctypes.c_char_p * len(headers))(*[os.path.basename(h).encode() for h in headers])
        self.texts = (ctypes.c_char_p * len(headers))(*[open(h, "rb").read() for h in headers])

    def compile(self, path, capability):
        """What the compiler said, and whether it succeeded."""
        program = ctypes.c_void_p()
        options = [f"--gpu-architecture=sm_{capability.replace('.', '')}", "--std=c++17", "-default-device"]
        options.append("--ptxas-options=-v")
        given = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
        text = open(path, "rb").read()
        name = os.path.basename(path).encode()
        code = self.library.nvrtcCreateProgram(
            ctypes.byref(program), text, name, len(self.names), self.texts, self.names)
        code = code or self.library.nvrtcCompileProgram(program, len(options), given)
        size = ctypes.c_size_t()
        self.library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value + 1)
        self.library.nvrtcGetProgramLog(program, log)
        self.library.nvrtcDestroyProgram(ctypes.byref(program))
        reason = self.library.nvrtcGetErrorString(code).decode() + "\n" if code else ""
        return reason + log.value.decode(errors="replace"), code == 0


def figures(log):
    """Kernel, registers, bytes spilled and bytes of stack, from ptxas's lines."""
    name, spilled, stack = None, 0, 0
    for line in log.splitlines():
        if entry := re.search(r"Compiling entry function '(\w+)'", line):
            name, spilled, stack = entry[1], 0, 0
        elif frame := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            stack, spilled = int(frame[1]), int(frame[2]) + int(frame[3])
        elif (used := re.search(r"Used (\d+) registers", line)) and name:
            yield name, int(used[1]), spilled, stack
            name = None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="one file")
    parser.add_argument("--all", action="store_true", help="every kernel, not only the ones that spill or need many registers")
    parser.add_argument("capabilities", nargs="*", default=CAPABILITIES)
    arguments = parser.parse_args()
    compiler, bad = Compiler(), 0
    print("| capability | file | kernels | most registers | spilled bytes |\n|---|---|---|---|---|")
    details = []
    for capability in arguments.capabilities:
        for path in sorted(glob.glob(SOURCES + "/**/*.cu", recursive=True)):
            file = os.path.basename(path)
            if arguments.only and file != arguments.only:
                continue
            log, succeeded = compiler.compile(path, capability)
            found = list(figures(log))
            if not succeeded or not found:
                bad += 1
                print(f"{file} for {capability} failed:\n{log}", file=sys.stderr)
                continue
            registers, spilled = max(f[1] for f in found), sum(f[2] for f in found)
            print(f"| {capability} | {file} | {len(found)} | {registers} | {spilled} |", flush=True)
            details += [(capability, file) + f for f in found if arguments.all or f[2] or f[1] > 128]
    if details:
        print("\n| capability | file | kernel | registers | spilled bytes | stack |\n|---|---|---|---|---|---|")
        for detail in details:
            print("| " + " | ".join(map(str, detail)) + " |")
    sys.exit(bad != 0)


main()
