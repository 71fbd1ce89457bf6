"""Starts MiniStack, the local AWS, with what its 1.5.33 lacks.

CloudFormation leaves the keys in the Secrets of a container as the template writes them, and ECS then
does not find `name` and `valueFrom`: the container would start without the variable.
"""

from ministack.app import main
from ministack.services.cloudformation import provisioners

normalize = provisioners._normalize_container_defs


def normalize_with_secrets(definitions):
    definitions = normalize(definitions)
    for definition in definitions:
        if "secrets" in definition:
            definition["secrets"] = provisioners._pascal_to_camel(definition["secrets"])
    return definitions


provisioners._normalize_container_defs = normalize_with_secrets
main()
