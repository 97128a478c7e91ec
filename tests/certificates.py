"""Certificates for servers of tests."""

import subprocess
from pathlib import Path


def self_signed(folder: Path, name: str, *names: str) -> tuple[Path, Path]:
    """Makes a certificate for the host `name`, with alternative names such as DNS:localhost; returns its file and that of its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2"]
    more = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
    made = subprocess.run([*command, "-subj", f"/CN={name}", *more], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return certificate, key
