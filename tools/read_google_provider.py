"""Reads what Terraform's provider for Google takes, for the tests of deploy/gcp. Usage: python tools/read_google_provider.py FOLDER.

FOLDER is the unpacked Python package cdktf-cdktf-provider-google: bindings that HashiCorp generated from the provider's own schema, here of provider
6.50.0. Only facts are kept, of the kinds of resources that deploy/gcp uses: arguments, which of them must be there, nested blocks, attributes.
"""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "deploy" / "gcp"
FACTS = ROOT / "tests" / "support" / "google_provider.json"
USED = re.compile(r'^(resource|data) "google_(\w+)" ', re.MULTILINE | re.ASCII)
META = {"connection", "count", "depends_on", "for_each", "id", "lifecycle", "provider", "provisioners", "timeouts"}  # Terraform's own


def kinds() -> set[tuple[str, str]]:
    """Give each kind that the module uses: `resource` or `data`, and its name without `google_`."""
    return {(found[1], found[2]) for path in MODULE.glob("*.tf") for found in USED.finditer(path.read_text(encoding="utf-8"))}


def schema(path: Path) -> dict[str, Any]:
    """Read one kind from its bindings."""
    classes = {node.name: node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)}
    structs = {name: node for name, node in classes.items() if _is_struct(node)}
    (config,) = (node for node in structs.values() if any("TerraformMetaArguments" in ast.unparse(base) for base in node.bases))
    main = classes[config.name.removesuffix("Config")]
    return {**_block(config, structs), "attributes": sorted(_attributes(main))}


def _is_struct(node: ast.ClassDef) -> bool:
    return any(ast.unparse(decorator).startswith("jsii.data_type(") for decorator in node.decorator_list)


def _block(node: ast.ClassDef, structs: dict[str, ast.ClassDef]) -> dict[str, Any]:
    (init,) = (part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__")
    arguments, required, blocks = [], [], {}
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        if argument.arg in META:
            continue
        named = re.findall(r"\w+", ast.unparse(argument.annotation) if argument.annotation else "")
        nested = next((name for name in named if name in structs), None)
        if nested is None:
            arguments.append(argument.arg)
        else:
            blocks[argument.arg] = _block(structs[nested], structs)
        if default is None:
            required.append(argument.arg)
    return {"arguments": sorted(arguments), "required": sorted(required), "blocks": dict(sorted(blocks.items()))}


def _attributes(main: ast.ClassDef) -> set[str]:
    found = {
        part.name
        for part in main.body
        if isinstance(part, ast.FunctionDef) and any(ast.unparse(decorator) == "builtins.property" for decorator in part.decorator_list)
    }
    return {name for name in found if not name.endswith("_input")}


def main() -> None:
    """Write the facts."""
    folder = Path(sys.argv[1]) / "cdktf_cdktf_provider_google"
    facts = {}
    for sort, name in sorted(kinds()):
        place = name if sort == "resource" else f"data_google_{name}"
        facts[f"{sort} google_{name}"] = schema(folder / place / "__init__.py")
    lines = ",\n".join(f"{json.dumps(kind)}: {json.dumps(fact, separators=(',', ':'))}" for kind, fact in facts.items())
    FACTS.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
