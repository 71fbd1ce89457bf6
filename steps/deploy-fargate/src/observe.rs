//! Reads what is: services, rules, task definitions, tasks, logs, images. Writes nothing.

mod images;
mod rules;
mod services;
mod tasks;

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use step_core::{Exit, Fail};

use crate::Ctx;
use crate::definition::Definition;
use crate::settings::{Base, Target, Unit};

pub(crate) use images::{architectures, find, pin};
pub(crate) use rules::Schedule;
pub(crate) use services::{
    Current, Deployment, Paused, Rollout, Service, ServiceDeployment, Status, definition,
    last_successful, newest_revision_before, parse_deployment, refuse_controller, service,
    service_deployment, service_deployment_of, service_if_any,
};
pub(crate) use tasks::{
    LogReader, log_tail, one_task, running_tasks, stopped_tasks, unhealthy_targets,
};

/// What starts the tasks now, and their task definition.
#[derive(Debug, Clone)]
pub(crate) enum Observed {
    Service(Current),
    Rule(Schedule),
}

impl Observed {
    pub(crate) fn definition(&self) -> &Definition {
        match self {
            Observed::Service(current) => &current.definition,
            Observed::Rule(schedule) => &schedule.definition,
        }
    }
}

/// Reads what is there for a unit.
pub(crate) async fn observed(ctx: &Ctx, unit: &Unit) -> anyhow::Result<Observed> {
    Ok(match &unit.target {
        Target::Service(name) => {
            Observed::Service(services::current(ctx, &unit.cluster, name).await?)
        }
        Target::Rule(name) => Observed::Rule(rules::schedule(ctx, unit, name).await?),
    })
}

/// What the new revision is made of.
pub(crate) async fn base(
    ctx: &Ctx,
    unit: &Unit,
    observed: &Observed,
) -> anyhow::Result<Definition> {
    match &unit.base {
        Base::Current => Ok(observed.definition().clone()),
        Base::File(_, definition) => Ok(definition.clone()),
        Base::Family(family) => services::definition(ctx, family).await,
    }
}

/// Keeps the body of an answer as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawBody(Arc<Mutex<Vec<u8>>>);

impl RawBody {
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "RawBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(bytes) = context.response().body().bytes() {
            let mut body = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *body = bytes.to_vec();
        }
        Ok(())
    }
}

/// The error of an answer that lacks what it must have.
pub(crate) fn incomplete(action: &str, what: &str) -> Fail {
    Fail::new(Exit::Failed, format!("{action}: the answer names no {what}"))
        .help("run the step again with -vv, and look at what answers at AWS_ENDPOINT_URL")
}

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) use super::services::tests::deployment;
}
