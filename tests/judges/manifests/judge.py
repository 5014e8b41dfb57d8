"""Judges manifests by Kubernetes' JSON schemas.

Reads {"schemas": folder, "texts": [{"minor": 36, "text": "…"}]} from stdin and prints, as JSON, a list for each text with a line for
each thing that is wrong with it: that of the YAML, or those of its documents.
"""

import json
import sys

import yaml
from jsonschema import Draft202012Validator

given = json.load(sys.stdin)
loaded = {}


def definitions(minor):
    """The definitions of a minor, and which of them are whole objects."""
    if minor not in loaded:
        path = f"{given['schemas']}/v1.{minor}.0-local-strict/_definitions.json"
        with open(path) as file:
            types = json.load(file)["$defs"]
        objects = {}
        for name, definition in types.items():
            for kind in definition.get("x-kubernetes-group-version-kind", []):
                group = f"{kind['group']}/" if kind["group"] else ""
                objects[(group + kind["version"], kind["kind"])] = name
        loaded[minor] = (types, objects)
    return loaded[minor]


class Loader(yaml.SafeLoader):
    """YAML 1.1 as Kubernetes reads it: dates stay text, keys do not come twice."""

    def mapping(self, node):
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key} is there twice")
        self.flatten_mapping(node)
        return {self.construct_object(k, True): self.construct_object(v, True) for k, v in node.value}


Loader.add_constructor("tag:yaml.org,2002:map", Loader.mapping)
Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_yaml_str)


def judge(document, minor):
    if not isinstance(document, dict):
        return ["not a map"]
    api, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(api, str) or not isinstance(kind, str):
        return ["no apiVersion or no kind"]
    if (api, kind) == ("v1", "List"):
        return [line for item in document.get("items", []) for line in judge(item, minor)]
    types, objects = definitions(minor)
    if (api, kind) not in objects:
        ours = {name.rsplit("/", 1)[0] if "/" in name else "" for name, _ in objects} | {"extensions"}
        group = api.rsplit("/", 1)[0] if "/" in api else ""
        return [f"no {kind} in {api}"] if group in ours else []
    schema = {"$ref": f"#/$defs/{objects[(api, kind)]}", "$defs": types}
    errors = Draft202012Validator(schema).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


verdicts = []
for text in given["texts"]:
    try:
        documents = [d for d in yaml.load_all(text["text"], Loader) if d is not None]
        verdicts.append([line for document in documents for line in judge(document, text["minor"])])
    except yaml.YAMLError as error:
        verdicts.append([f"YAML: {error}"])
json.dump(verdicts, sys.stdout)
