"""Creates a store's bucket and its users on a MinIO server: `python -m store.init s3://BUCKET`.

  BUCKET-runner     reads models, references, effects, plans, sources and runs;
                    writes and deletes runs
  BUCKET-publisher  reads everything; writes plans, datasets and the checkpoints of trainings;
                    deletes leases and fingerprints of datasets
  BUCKET-reader     reads datasets
  BUCKET-steward    reads everything; writes plans and datasets; deletes plans, datasets,
                    references and runs. A person is this user for `dataset gc` and `forget`

The bucket has no versioning, because deleted audio must be gone, and Delta Lake keeps the versions of
its tables itself. It has no expiry, because Kubeflow's cache points to objects of earlier runs.

Run it as the server's root user: set AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,
and AWS_REGION if it is not us-east-1. SPEECHMILL_RUNNER_SECRET_KEY, SPEECHMILL_PUBLISHER_SECRET_KEY,
SPEECHMILL_READER_SECRET_KEY and SPEECHMILL_STEWARD_SECRET_KEY set the users' secrets. Without them, new
users get random secrets, which are written to files, and existing users keep theirs. No stage is the
steward, so without its secret and without --out that user is left out. You can run the command again at
any time.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minio import Minio, MinioAdmin
from minio.commonconfig import ENABLED
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException, MinioException
from urllib3.exceptions import HTTPError

from components.shared.task import MENDABLE, StageError, one_line, report
from store.interface import StoreError
from store.minio import Access, access, bucket_name, client, meaning, pool

ROLES = ("runner", "publisher", "reader")
"""The users that stages are."""
STEWARD = "steward"
TRAININGS = ("train_separator", "train_voicefilter")
"""Stages that keep checkpoints in runs/."""
_WRITE = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
_MIN_SECRET_CHARACTERS = 8


def policy(role: str, bucket: str) -> dict[str, Any]:
    """The permissions of a role as an S3 policy.

    A stage can delete no clip and no version: the runner deletes in runs, the publisher only what it replaces.
    """
    whole = f"arn:aws:s3:::{bucket}"

    def below(*folders: str) -> list[str]:
        return [f"{whole}/{folder}/*" for folder in folders]

    def allow(actions: list[str], resources: list[str], **conditions: Any) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": actions, "Resource": resources, **conditions}

    def reads(*folders: str) -> list[dict[str, Any]]:
        return [
            allow(["s3:GetBucketLocation"], [whole]),
            allow(["s3:ListBucket"], [whole], Condition={"StringLike": {"s3:prefix": [f"{folder}/*" for folder in folders]}}),
            allow(["s3:GetObject"], below(*folders)),
        ]

    if role == "reader":
        statements = reads("datasets")
    elif role == "runner":
        runs = allow([*_WRITE, "s3:DeleteObject"], below("runs"))
        statements = [*reads("models", "references", "effects", "plans", "sources", "runs"), runs]
    else:
        statements = [allow(["s3:GetBucketLocation", "s3:ListBucket"], [whole]), allow(["s3:GetObject"], [f"{whole}/*"])]
        if role == STEWARD:
            statements.append(allow(_WRITE, below("plans", "datasets")))
            statements.append(allow(["s3:DeleteObject"], below("plans", "datasets", "references", "runs")))
        else:
            statements.append(allow(_WRITE, below("plans", "datasets", *(f"runs/{stage}" for stage in TRAININGS))))
            statements.append(allow(["s3:DeleteObject"], [f"{whole}/datasets/*/lease.json", *below("datasets/*/fingerprints")]))
    return {"Version": "2012-10-17", "Statement": statements}


def secret_variable(role: str) -> str:
    """The environment variable that sets the secret of a role's user."""
    return f"SPEECHMILL_{role.upper()}_SECRET_KEY"


def initialize(uri: str, out: Path | None = None, renew: bool = False, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Creates the bucket and the users that are missing, and sets every user's policy. Returns a line for each thing that it did.

    Args:
        uri: s3://BUCKET.
        out: Folder for generated secrets: USER.env for a shell or Docker, USER.yaml for kubectl.
        renew: Give existing users new secrets too. The server then refuses the old ones.
        environment: Variables with the server's address, its root user and the users' secrets.

    Raises:
        StoreError: The server refuses or does not answer, a given secret is too short, the bucket has versioning, or secrets have
            to be generated and `out` is None.
    """
    bucket, root = bucket_name(uri), access(environment)
    admin = MinioAdmin(
        endpoint=root.host,
        credentials=StaticProvider(root.access_key, root.secret_key),
        region=root.region,
        secure=root.secure,
        http_client=pool(),
    )
    try:
        users = set(json.loads(admin.user_list()))
        has_steward = out or environment.get(secret_variable(STEWARD)) or f"{bucket}-{STEWARD}" in users
        roles = [*ROLES, *([STEWARD] if has_steward else [])]
        wanted = _secrets(roles, bucket, users, renew, environment)
        made = [role for role in wanted if not environment.get(secret_variable(role))]
        if made and not out:
            raise StoreError(
                f"expected a folder for the new secrets of {' and '.join(f'{bucket}-{role}' for role in made)}, found none: "
                f"name one (--out FOLDER), or set the secrets in {' and '.join(secret_variable(role) for role in made)}"
            )
        lines = [_bucket(client(root), bucket)]
        for role in roles:
            user = f"{bucket}-{role}"
            if role in made and out:
                lines.append(_write(out, role, Access(root.endpoint, root.region, user, wanted[role])))
            if role in wanted:
                admin.user_add(access_key=user, secret_key=wanted[role])
            admin.policy_add(policy_name=user, policy=policy(role, bucket))
            _attach(admin, user)
            lines.append(f"user {user}: {_done(user in users, role in wanted)}, policy set")
        return lines
    except (MinioAdminException, MinioException, HTTPError) as error:
        raise StoreError(f"could not create the store {uri} at {root.endpoint} as its root user: {_meaning(error)}") from None


def _secrets(roles: Sequence[str], bucket: str, users: set[str], renew: bool, environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets to set, by role: those in the environment, and random ones for new users and for `renew`."""
    found = {}
    for role in roles:
        given = environment.get(secret_variable(role), "")
        if given and len(given) < _MIN_SECRET_CHARACTERS:
            raise StoreError(
                f"expected {_MIN_SECRET_CHARACTERS} characters or more in {secret_variable(role)}, found {len(given)}: set a longer secret"
            )
        if given or renew or f"{bucket}-{role}" not in users:
            found[role] = given or secrets.token_urlsafe(30)
    return found


def _bucket(server: Minio, bucket: str) -> str:
    there = server.bucket_exists(bucket)
    if not there:
        server.make_bucket(bucket)
    elif server.get_bucket_versioning(bucket).status == ENABLED:
        raise StoreError(
            f"expected a bucket without versioning, found versioning enabled in {bucket}, which keeps deleted audio: "
            "suspend versioning and remove the old versions, or name another bucket"
        )
    return f"bucket {bucket}: " + ("exists" if there else "created")


def _attach(admin: MinioAdmin, user: str) -> None:
    try:
        admin.attach_policy([user], user=user)
    except MinioAdminException as error:
        if "XMinioAdminPolicyChangeAlreadyApplied" not in str(error):
            raise


def _done(existed: bool, changed: bool) -> str:
    if not existed:
        return "created"
    return "new secret set" if changed else "secret unchanged"


def _write(out: Path, role: str, user: Access) -> str:
    """Writes a user's secret to files that only their owner can read, before the server gets it.

    If the command is interrupted in between, the next call generates the secret again.
    """
    shell = {
        "AWS_ENDPOINT_URL": user.endpoint,
        "AWS_REGION": user.region,
        "AWS_ACCESS_KEY_ID": user.access_key,
        "AWS_SECRET_ACCESS_KEY": user.secret_key,
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"speechmill-{role}"},
        "stringData": {"accesskey": user.access_key, "secretkey": user.secret_key},
    }
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    _private(out / f"{user.access_key}.env", "".join(f"{name}={value}\n" for name, value in shell.items()))
    _private(out / f"{user.access_key}.yaml", json.dumps(manifest, indent=2) + "\n")  # JSON is YAML
    return f"user {user.access_key}: secret written to {out / user.access_key}.env, and for kubectl to {user.access_key}.yaml"


def _private(path: Path, text: str) -> None:
    part = path.with_name(f".part-{secrets.token_hex(8)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def _meaning(error: Exception) -> str:
    """Explains an error of the server. MinIO's admin API answers in JSON, S3 in XML."""
    if not isinstance(error, MinioAdminException):
        return meaning(error)
    body = str(error).partition("Body: ")[2]
    try:
        found = json.loads(body)
        return meaning(Exception(f"<Code>{found['Code']}</Code><Message>{found['Message']}</Message>"))
    except (ValueError, KeyError, TypeError):
        return one_line(error)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line. Prints an error that a person can fix on one line; the exit status is then MENDABLE."""
    assert __doc__
    parser = argparse.ArgumentParser("python -m store.init", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri", metavar="s3://BUCKET")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder for the files with generated secrets")
    parser.add_argument("--renew", action="store_true", help="give existing users new secrets too; the old ones become invalid")
    given = parser.parse_args(arguments)
    try:
        for line in initialize(given.uri, given.out, given.renew):
            report(line)
    except (StageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(MENDABLE) from None


if __name__ == "__main__":
    main()
