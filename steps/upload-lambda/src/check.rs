//! How it is told that a version is good: an invocation, a program, the error rate in CloudWatch.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use aws_smithy_types::DateTime;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use landfall_toml::LambdaCheck;
use serde_json::Value;
use serde_json_path::JsonPath;
use step_aws::Call;
use step_core::process::Process;
use step_core::{Fail, output};

use crate::Ctx;
use crate::calls;
use crate::observe::Function;

/// What is looked at before and while an alias moves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Check {
    invocation: Option<Invocation>,
    command: Option<Vec<String>>,
    /// 0 to 1.
    error_rate: Option<f64>,
}

#[derive(Debug, Clone)]
struct Invocation {
    payload: Vec<u8>,
    expected: Vec<Expected>,
}

/// A place in the answer, and what it holds.
#[derive(Debug, Clone)]
struct Expected {
    path: JsonPath,
    value: Value,
}

/// Why a version is not good.
pub(crate) type Fault = String;

impl Check {
    /// What landfall.toml and flags say.
    ///
    /// # Errors
    /// Exit 2: the payload is not there or is no JSON, or a path or a percentage is none.
    pub(crate) fn new(settings: &LambdaCheck) -> Result<Self, Fail> {
        let invocation = match &settings.payload {
            Some(payload) => Some(Invocation {
                payload: read_payload(payload)?,
                expected: settings
                    .expect
                    .iter()
                    .map(|text| expected(text))
                    .collect::<Result<_, _>>()?,
            }),
            None if settings.expect.is_empty() => None,
            None => {
                return Err(Fail::invalid(
                    "it is said what is expected, but not what is invoked with",
                )
                .help("name a file with JSON: check.payload, or --check-payload"));
            }
        };
        let command = settings.command.clone().filter(|command| !command.is_empty());
        let error_rate = settings.error_rate.as_deref().map(percent).transpose()?;
        Ok(Self { invocation, command, error_rate })
    }

    /// Whether nothing is looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.invocation.is_none() && self.command.is_none() && self.error_rate.is_none()
    }

    pub(crate) fn error_rate(&self) -> Option<f64> {
        self.error_rate
    }
}

/// Invokes a version and compares its answer; nothing when all is well.
///
/// # Errors
/// It could not be invoked.
pub(crate) async fn invoke(
    ctx: &Ctx,
    check: &Check,
    name: &str,
    version: &Function,
) -> anyhow::Result<Option<Fault>> {
    let Some(invocation) = &check.invocation else { return Ok(None) };
    let seconds = u64::try_from(version.configuration.timeout).unwrap_or_default();
    // The function may take its time; and what it does is not to be done twice in silence.
    let limits = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(seconds) + START_LIMIT)
        .build();
    let config = aws_sdk_lambda::config::Builder::new()
        .timeout_config(limits)
        .retry_config(RetryConfig::disabled());
    let work = calls::repeated(ctx, async || {
        let call = ctx.lambda.invoke().function_name(name).qualifier(&version.version);
        let call = call.log_type(LogType::Tail).payload(Blob::new(invocation.payload.clone()));
        call.customize().config_override(config.clone()).send().await.call("lambda:InvokeFunction")
    });
    let answer = output::alive(&format!("invoke {name}"), work).await?;
    let payload = answer.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
    let log = answer.log_result().unwrap_or_default();
    if let Some(error) = answer.function_error() {
        let message =
            format!("the invocation ended with an error ({error}): {}", said(&payload, log));
        return Ok(Some(message));
    }
    Ok(invocation.fault(&payload))
}

/// How long a version may take to start, before its own time begins.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Runs the program; nothing when it ends with 0.
///
/// # Errors
/// It could not be run.
pub(crate) async fn command(
    check: &Check,
    name: &str,
    version: &str,
) -> anyhow::Result<Option<Fault>> {
    let Some((program, args)) = check.command.as_ref().and_then(|command| command.split_first())
    else {
        return Ok(None);
    };
    let process = Process::new(program, args)
        .variable("LANDFALL_FUNCTION", name)
        .variable("LANDFALL_VERSION", version);
    let ran = output::alive(program, process.run()).await?;
    if ran.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let last: Vec<&str> = said.lines().rev().take(LINES).collect();
    let last: String = last.into_iter().rev().map(|line| format!("\n  | {line}")).collect();
    Ok(Some(format!("{process} ended with {}{last}", ran.status)))
}

/// The last lines of a log that are shown.
const LINES: usize = 10;

/// Since when errors are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since(DateTime);

impl Since {
    #[expect(
        clippy::disallowed_methods,
        reason = "CloudWatch asks for a window of time; it is wider than clocks differ"
    )]
    pub(crate) fn now() -> Self {
        Self(std::time::SystemTime::now().into())
    }

    fn moved(self, seconds: i64) -> DateTime {
        DateTime::from_secs(self.0.secs() + seconds)
    }
}

/// Compares the share of failed invocations of a version with what is borne. CloudWatch learns of an
/// invocation up to some minutes later.
///
/// # Errors
/// CloudWatch could not be asked.
pub(crate) async fn error_rate(
    ctx: &Ctx,
    check: &Check,
    name: &str,
    alias: &str,
    version: &str,
    since: Since,
) -> anyhow::Result<Option<Fault>> {
    let Some(borne) = check.error_rate else { return Ok(None) };
    let dimension = |key: &str, value: &str| Dimension::builder().name(key).value(value).build();
    // By alias and version: those of an alias with weights.
    // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    let dimensions = vec![
        dimension("FunctionName", name),
        dimension("Resource", &format!("{name}:{alias}")),
        dimension("ExecutedVersion", version),
    ];
    let query = |id: &str, metric: &str| {
        let metric = Metric::builder().namespace("AWS/Lambda").metric_name(metric);
        let metric = metric.set_dimensions(Some(dimensions.clone())).build();
        let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
        MetricDataQuery::builder().id(id).metric_stat(stat).build()
    };
    let answer = calls::repeated(ctx, async || {
        let call = ctx.cloudwatch.get_metric_data();
        let call = call.start_time(since.moved(-60)).end_time(Since::now().moved(60));
        let call = call.metric_data_queries(query("errors", "Errors"));
        let call = call.metric_data_queries(query("invocations", "Invocations"));
        call.send().await.call("cloudwatch:GetMetricData")
    })
    .await?;
    let sum = |id: &str| -> f64 {
        let results = answer.metric_data_results().iter().filter(|result| result.id() == Some(id));
        results.flat_map(|result| result.values()).sum()
    };
    let (errors, invocations) = (sum("errors"), sum("invocations"));
    let is_bad = invocations > 0.0 && errors / invocations > borne;
    Ok(is_bad.then(|| {
        let (share, borne) = (100.0 * errors / invocations, 100.0 * borne);
        format!("{errors} of {invocations} invocations failed: {share:.1}%, and {borne}% is borne")
    }))
}

impl Invocation {
    fn fault(&self, payload: &[u8]) -> Option<Fault> {
        if self.expected.is_empty() {
            return None;
        }
        let Ok(answer) = serde_json::from_slice::<Value>(payload) else {
            return Some(format!("the answer is no JSON: {}", shortened(payload)));
        };
        self.expected.iter().find_map(|Expected { path, value }| {
            let found = path.query(&answer).all();
            if found.contains(&value) {
                return None;
            }
            let found: Vec<String> = found.into_iter().map(Value::to_string).collect();
            let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
            Some(format!("{path} of the answer is {found}, and not {value}"))
        })
    }
}

fn read_payload(path: &PathBuf) -> Result<Vec<u8>, Fail> {
    let shown = path.display();
    let payload = std::fs::read(path).map_err(|err| {
        Fail::invalid(format!("cannot read the payload {shown}: {err}"))
            .help("name an existing file")
    })?;
    serde_json::from_slice::<serde::de::IgnoredAny>(&payload).map_err(|err| {
        Fail::invalid(format!("the payload {shown} is no JSON: {err}"))
            .help("Lambda takes JSON alone; text stands in quotes")
    })?;
    Ok(payload)
}

/// `$.status=ok`: what is no JSON is a text.
fn expected(text: &str) -> Result<Expected, Fail> {
    let wrong = |why: String| {
        Fail::invalid(format!("`{text}` says nothing that could be expected: {why}"))
            .help("write a JSONPath and a value, for example $.status=ok")
    };
    // The value may hold equals signs, and so may a filter of the path: the first one that leaves a
    // path before it.
    let mut places = text.match_indices('=').map(|(place, _)| place).peekable();
    if places.peek().is_none() {
        return Err(wrong("there is no equals sign".into()));
    }
    let mut why = String::new();
    for place in places {
        match JsonPath::parse(text[..place].trim()) {
            Ok(path) => {
                let value = text[place + 1..].trim();
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                return Ok(Expected { path, value });
            }
            Err(err) if why.is_empty() => why = err.to_string(),
            Err(_) => {}
        }
    }
    Err(wrong(why))
}

fn percent(text: &str) -> Result<f64, Fail> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    number.filter(|number| (0.0..=100.0).contains(number)).map(|number| number / 100.0).ok_or_else(
        || Fail::invalid(format!("`{text}` is no error rate")).help("write for example 1%"),
    )
}

/// What a failed invocation says: its message, and the last lines of its log.
fn said(payload: &[u8], log: &str) -> String {
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    let message = answer.get("errorMessage").and_then(Value::as_str);
    let message = message.map_or_else(|| shortened(payload), str::to_owned);
    let log = STANDARD.decode(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let is_told = |line: &&str| !line.is_empty() && !PLATFORM.iter().any(|it| line.starts_with(it));
    let last: Vec<&str> = log.lines().filter(is_told).rev().take(LINES).collect();
    last.into_iter().rev().fold(message, |text, line| format!("{text}\n  | {line}"))
}

/// What Lambda itself writes into the log.
const PLATFORM: [&str; 4] =
    ["START RequestId", "END RequestId", "REPORT RequestId", "XRAY TraceId"];

fn shortened(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let short: String = text.chars().take(200).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(expect: &str, answer: &str) -> Option<String> {
        let expected = vec![expected(expect).unwrap()];
        Invocation { payload: Vec::new(), expected }.fault(answer.as_bytes())
    }

    #[test]
    fn an_answer_is_compared_at_a_path() {
        let answer = r#"{"status": "ok", "n": 2, "items": [{"id": 1}, {"id": 7}], "e": "a=b"}"#;
        for good in ["$.status=ok", "$.status=\"ok\"", "$.n=2", "$.items[*].id=7", "$.e=a=b"] {
            assert_eq!(fault(good, answer), None, "{good}");
        }
        assert_eq!(fault("$.items[?@.id == 7].id=7", answer), None);
        assert_eq!(
            fault("$.status=bad", answer).unwrap(),
            "$.status of the answer is \"ok\", and not \"bad\""
        );
        assert!(fault("$.none=1", answer).unwrap().contains("is nothing, and not 1"));
        assert!(fault("$.n=1", "<html>").unwrap().contains("the answer is no JSON: <html>"));
    }

    #[test]
    fn what_cannot_be_expected_is_told() {
        assert!(expected("$.status").unwrap_err().to_string().contains("no equals sign"));
        assert!(expected("status=1").is_err());
    }

    #[test]
    fn an_error_rate_is_a_percentage() {
        assert_eq!(percent("1%").unwrap(), 0.01);
        assert_eq!(percent("0.5 %").unwrap(), 0.005);
        for wrong in ["1", "101%", "-1%", "x%"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_failed_invocation_tells_its_message_and_the_end_of_its_log() {
        let log = STANDARD.encode("START RequestId: 1\nloading\nTraceback\nEND RequestId: 1\n");
        assert_eq!(
            said(br#"{"errorMessage": "no table"}"#, &log),
            "no table\n  | loading\n  | Traceback"
        );
    }
}
