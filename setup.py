"""The native modules, and the switches with which they are built.

``YCSBPY_DEBUG=1``     no optimisation, debug information, assertions on
``YCSBPY_SANITIZE=1``  AddressSanitizer and UndefinedBehaviorSanitizer (the interpreter needs them preloaded)
``YCSBPY_COVERAGE=1``  gcov counters
``YCSBPY_TLS=0``       an engine without TLS, although OpenSSL is there

TLS in the native engine comes from the system's OpenSSL, and only where its headers are found: a package that is built
without them works, and says so when TLS is asked for. Whoever builds wheels for other machines either has the two
libraries put into them (auditwheel does), or builds with ``YCSBPY_TLS=0``.

Everything else about the package is in ``pyproject.toml``.
"""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools._distutils.ccompiler import new_compiler
from setuptools._distutils.sysconfig import customize_compiler
from setuptools.command.build_py import build_py
from setuptools.errors import CompileError, LinkError

ROOT = Path(__file__).resolve().parent
DEBUG, SANITIZE, COVERAGE = (os.environ.get(f"YCSBPY_{name}") == "1" for name in ("DEBUG", "SANITIZE", "COVERAGE"))

# No -march=native and no -ffast-math, and products are not contracted into sums: the same seed draws the same
# operations on every machine.
COMPILE = ["-std=c++20", "-ffp-contract=off", "-fno-fast-math", "-fvisibility=hidden", "-Wall", "-Wextra"]
LINK: list[str] = []
OPENSSL = ["ssl", "crypto"]
UNDEFINE: list[str] = []

if DEBUG or SANITIZE or COVERAGE:
    COMPILE += ["-O1" if SANITIZE else "-O0", "-g", "-fno-omit-frame-pointer", "-D_GLIBCXX_ASSERTIONS"]
    UNDEFINE += ["NDEBUG"]
else:
    COMPILE += ["-O3", "-g0"]
if SANITIZE:
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    COMPILE += flags
    LINK += flags
if COVERAGE:
    COMPILE += ["--coverage"]
    LINK += ["--coverage"]


def flags_stamp() -> str:
    """A file that is newer than the modules whenever they were built with other switches."""
    stamp = ROOT / "build" / "flags"
    flags = " ".join([*COMPILE, *LINK])
    if not stamp.is_file() or stamp.read_text() != flags:
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(flags)
    return os.path.relpath(stamp, ROOT)


def finds_openssl() -> bool:
    """Whether a program that uses OpenSSL (1.1.1 or newer) can be compiled and linked here."""
    if os.environ.get("YCSBPY_TLS") == "0":
        return False
    program = "#include <openssl/ssl.h>\n#if OPENSSL_VERSION_NUMBER < 0x10101000L\n#error too old\n#endif\n"
    program += "int main() { return SSL_CTX_new(TLS_client_method()) == nullptr; }\n"
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        source = Path(folder) / "probe.cpp"
        source.write_text(program)
        compiler = new_compiler()
        customize_compiler(compiler)
        try:
            objects = compiler.compile([str(source)], output_dir=folder)
            compiler.link_executable(objects, "probe", output_dir=folder, libraries=OPENSSL, target_lang="c++")
        except (CompileError, LinkError):
            return False
    return True


def extension(name: str, *folders: str, tls: bool = False) -> Extension:
    """The module ``ycsbpy._native.<name>``, rebuilt when a header in one of the folders of ``ext/`` changes."""
    headers = [os.path.relpath(header, ROOT) for folder in folders for header in (ROOT / "ext" / folder).glob("*.hpp")]
    return Extension(
        f"ycsbpy._native.{name}",
        [f"ext/bindings/{name}.pyx"],
        language="c++",
        include_dirs=["ext"],
        depends=[*sorted(headers), flags_stamp()],
        extra_compile_args=COMPILE,
        extra_link_args=LINK,
        define_macros=[("YCSBPY_TLS", "1")] if tls else [],
        libraries=OPENSSL if tls else [],
        undef_macros=UNDEFINE,
    )


class BuildPy(build_py):
    """Puts the workload files beside the modules; in a checkout or an editable install they stay where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            shutil.copytree(ROOT / "workloads", Path(self.build_lib) / "ycsbpy" / "_workloads", dirs_exist_ok=True)


extensions = [extension("generators", "generators"), extension("recording", "recording")]
if sys.platform == "linux":
    extensions += [
        extension("timer"),
        extension(
            *("engine", "engine", "generators", "grpc", "http2", "kvproto", "loop", "recording", "tikv"),
            tls=finds_openssl(),
        ),
        extension("nullstore", "generators", "grpc", "http2", "kvproto", "loop", "nullstore", "recording"),
    ]

setup(
    ext_modules=cythonize(extensions, include_path=["ext/bindings"], language_level=3),
    cmdclass={"build_py": BuildPy},
)
