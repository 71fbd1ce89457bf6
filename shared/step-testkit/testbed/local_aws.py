"""Starts MiniStack, the local AWS, with what its 1.5.33 lacks.

CloudFormation leaves the keys in the Secrets of a container as the template writes them, and ECS then
does not find `name` and `valueFrom`: the container would start without the variable.
"""

from ministack.app import main
from ministack.services import ecs
from ministack.services.cloudformation import provisioners

normalize = provisioners._normalize_container_defs


def normalize_with_secrets(definitions):
    definitions = normalize(definitions)
    for definition in definitions:
        if "secrets" in definition:
            definition["secrets"] = provisioners._pascal_to_camel(definition["secrets"])
    return definitions


provisioners._normalize_container_defs = normalize_with_secrets

record_failure = ecs._record_service_task_failure


def record_failure_and_look_again(task, *args, **kwargs):
    record_failure(task, *args, **kwargs)
    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    kind, _, service = task.get("group", "").partition(":")
    if cluster and kind == "service":
        ecs._reconcile_service_tasks(cluster, f"{cluster}/{service}")


ecs._record_service_task_failure = record_failure_and_look_again
main()
