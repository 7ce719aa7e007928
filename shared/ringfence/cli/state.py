"""Where a command finds jobs and trail: a deployed stack (`--stack`, RINGFENCE_STACK) on AWS or Google Cloud, else this machine's `./.ringfence`."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from ringfence.cli.google_stack import PREFIX, GoogleStack, in_slack
from ringfence.clouds.aws import clients
from ringfence.clouds.aws.archive import S3Archive
from ringfence.clouds.aws.replies import upstream
from ringfence.clouds.aws.store import DynamoStore
from ringfence.clouds.decoders import RECORD
from ringfence.clouds.folder import FolderArchive
from ringfence.clouds.local import LocalStore
from ringfence.clouds.trail_folder import TrailFolder
from ringfence.domain.record import Record
from ringfence.engine.ports import Archive, Store
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import seal
from ringfence.engine.trail.verify import Exported
from ringfence.errors import RefusedError, UpstreamError, UsageError


def home() -> Path:
    """Give the folder of the local state."""
    return Path(os.environ.get("RINGFENCE_HOME", ".ringfence"))


def local_store(code_hash: str = "") -> LocalStore:
    """Give the local jobs and trail; records say that the package of that hash wrote them."""
    return LocalStore(home() / "ringfence.db", code_hash)


def local_archive() -> Archive:
    """Give the local sealed trail, with everything sealed that is not yet."""
    from ringfence.clouds.local_key import LocalSigner

    archive = FolderArchive(home() / "trail")
    store = local_store()
    if store.records():
        seal(store, archive, LocalSigner(home() / "seal.key"))
    store.close()
    return archive


def archive_of(stack: str | None) -> Archive:
    """Give the sealed trail that a command works on."""
    if stack and stack.startswith(PREFIX):
        return GoogleStack(stack).archive()
    return S3Archive(Stack(stack).output("Archive")) if stack else local_archive()


def stack_option[F: Callable[..., Any]](function: F) -> F:
    """Add --stack to a command."""
    text = "A deployed stack, found through CloudFormation; `gcp:PROJECT` for one on Google Cloud. Else the local state in ./.ringfence (RINGFENCE_HOME)."
    return click.option("--stack", envvar="RINGFENCE_STACK", metavar="NAME", help=text)(function)


def trail_options[F: Callable[..., Any]](function: F) -> F:
    """Add what says which trail a command looks at, and what it is held against: DIR (`folder`), --checkpoint (`held`), --stack."""
    file = click.Path(path_type=Path)
    text = "A checkpoint that you hold from elsewhere. May be repeated."
    held = click.option("--checkpoint", "held", type=file, multiple=True, metavar="FILE", help=text)
    return click.argument("folder", type=file, metavar="DIR", required=False)(held(stack_option(function)))


def store_of(stack: str | None) -> Store:
    """Give the jobs and trail that a command works on."""
    if stack and stack.startswith(PREFIX):
        return GoogleStack(stack).store()
    return DynamoStore(Stack(stack).output("Table")) if stack else local_store()


def trail_of(folder: Path | None, stack: str | None) -> Exported:
    """Give the trail that a command looks at: an exported folder, or what is sealed of a stack or of this machine."""
    return TrailFolder(folder) if folder else archived(archive_of(stack))


def decoded(trail: Exported) -> list[Record]:
    """Read the records of a trail; one that cannot be read is left out, and `trail verify` says why."""
    found: list[Record] = []
    for line in trail.records():
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found.append(RECORD.decode(line))
    return found


class Stack:
    """A deployed stack, by its outputs."""

    def __init__(self, name: str) -> None:
        """Ask CloudFormation; raise UsageError where there is no such stack."""
        from botocore.exceptions import ClientError

        if name.startswith(PREFIX):
            raise in_slack("that")
        with upstream(f"looking up the stack {name}"):
            try:
                found = clients.cloudformation().describe_stacks(StackName=name)["Stacks"]
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "ValidationError":
                    raise
                raise UsageError(f"there is no stack {name}", "Check the name, the region and the account") from error
        self.name = name
        self._outputs = {o.get("OutputKey", ""): o.get("OutputValue", "") for stack in found for o in stack.get("Outputs", ())}

    def output(self, key: str) -> str:
        """Give one output of the stack."""
        if key not in self._outputs:
            raise UsageError(f"the stack {self.name} has no output {key}", "Is it a stack of Ringfence, of this version?")
        return self._outputs[key]

    def ask(self, function: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call one of the stack's functions with the caller's credentials; raise RefusedError with its reason where it refuses."""
        with upstream(f"calling {function}"):
            reply = clients.functions().invoke(FunctionName=self.output(function), Payload=msgspec.json.encode(question))
            body = reply["Payload"].read()
        answer: object = msgspec.json.decode(body)
        if reply.get("FunctionError") or not isinstance(answer, dict):
            raise UpstreamError(f"{function} failed: {body[:300].decode('utf-8', 'replace')}", "See its log")
        if "error" in answer:
            raise RefusedError(answer["error"], answer.get("hint", ""))
        return answer
