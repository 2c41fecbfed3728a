"""Make the Python modules of our .proto files, or check that the committed ones are what the files say.

    python -m ycsbpy.proto.generate [--check]

The generated modules are in the repository and in the wheel, so that a user needs no protoc. They have to come from one
version of it: generated code runs on protobuf of its own version and later ones, never on an older one, and
``protobuf>=6.31.1`` is what the package asks for. Hence the pin on grpcio-tools, which is only needed here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import metadata
from pathlib import Path

__all__ = ["GRPCIO_TOOLS", "generate", "main", "stale"]

GRPCIO_TOOLS = "1.74"
"""The version of grpcio-tools whose protoc makes code for protobuf 6.31.1."""

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def generate(folder: Path) -> list[Path]:
    """Write the module and stub of each .proto file below ``folder``; return the files' paths there.

    Raises ``RuntimeError`` when grpcio-tools is missing, is not the pinned version, or its protoc fails.
    """
    try:
        from grpc_tools import protoc
    except ImportError:
        raise RuntimeError(f'grpcio-tools is not installed: pip install "grpcio-tools=={GRPCIO_TOOLS}.*"') from None
    version = metadata.version("grpcio-tools")
    if not version.startswith(GRPCIO_TOOLS + "."):
        raise RuntimeError(f"grpcio-tools is {version}, the generated code is of {GRPCIO_TOOLS}.*")
    sources = sorted(HERE.glob("*.proto"))
    if not sources:
        raise RuntimeError("the .proto files are in the source tree only")
    names = [source.relative_to(ROOT).as_posix() for source in sources]
    status = protoc.main(["protoc", f"-I{ROOT}", f"--python_out={folder}", f"--pyi_out={folder}", *names])
    if status != 0:
        raise RuntimeError(f"protoc failed with status {status}")
    made = folder / HERE.relative_to(ROOT)
    return sorted(made / f"{source.stem}_pb2{suffix}" for source in sources for suffix in (".py", ".pyi"))


def stale() -> list[str]:
    """Return the names of committed modules that differ from what the .proto files make today."""
    with tempfile.TemporaryDirectory() as folder:
        made = {path.name: path.read_bytes() for path in generate(Path(folder))}
    kept = {path.name: path.read_bytes() for path in [*HERE.glob("*_pb2.py"), *HERE.glob("*_pb2.pyi")]}
    return sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ycsbpy.proto.generate", description="Make the protobuf modules.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a committed module is stale")
    arguments = parser.parse_args(argv)
    try:
        if not arguments.check:
            generate(ROOT)
            return 0
        names = stale()
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if names:
        print("stale: " + ", ".join(names), file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
