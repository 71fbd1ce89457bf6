//! The kinds of changes, how bad each is, and what to say of it.
//!
//! The level follows from who sends the value that the change is about. What a caller sends may be
//! allowed more than before, never less; what it gets may be less than before, never more. Names are
//! those that oasdiff made known, where the meaning is the same.

use std::collections::HashMap;
use std::sync::LazyLock;

use landfall_toml::nearest;

use super::change::Level;

/// A kind of change.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) id: String,
    pub(crate) level: Level,
    /// The level where the service is the one that calls: in webhooks and callbacks.
    pub(crate) reversed: Level,
    /// What changed: `{it}`, `{old}` and `{new}` stand for the values of the change.
    text: &'static str,
    /// What it means for a caller and what to do, if that is another thing than for all of its level.
    advice: &'static str,
    /// What `{it}` is, where no change is at hand.
    noun: &'static str,
}

impl Kind {
    /// What changed, with the values of a change.
    pub(super) fn message(&self, it: &str, old: &str, new: &str) -> String {
        self.text.replace("{it}", it).replace("{old}", old).replace("{new}", new)
    }

    /// What is a change of this kind.
    pub(super) fn description(&self) -> String {
        self.message(self.noun, "X", "Y")
    }

    /// What a change of this level means for a caller, and what to do; nothing for safe ones.
    pub(super) fn advice(&self, level: Level, direction: Direction) -> &'static str {
        match (level, direction) {
            (Level::Safe, _) => "",
            _ if !self.advice.is_empty() => self.advice,
            (Level::Breaking, Direction::Request) => {
                "callers that send what was right before are refused: accept that as well until they \
                 have changed, or offer the new form under another name or version"
            }
            (Level::Breaking, Direction::Response) => {
                "callers get what they were not told of: agree on it with them before, or offer it \
                 under another name or version"
            }
            (Level::Dangerous, Direction::Request) => {
                "it depends on what callers send: look at their requests before it is deployed"
            }
            (Level::Dangerous, Direction::Response) => {
                "it depends on how callers read it: tell them before it is deployed"
            }
        }
    }
}

/// Who sends a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    /// The caller sends it.
    Request,
    /// The caller gets it.
    Response,
}

impl Direction {
    pub(super) fn reversed(self) -> Self {
        match self {
            Direction::Request => Direction::Response,
            Direction::Response => Direction::Request,
        }
    }
}

/// What a schema is the schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    RequestBody,
    RequestProperty,
    RequestParameter,
    /// A parameter that is a header; its kinds are those of [`Role::RequestParameter`].
    RequestHeader,
    RequestParameterProperty,
    RequestHeaderProperty,
    ResponseBody,
    ResponseProperty,
    ResponseHeader,
    ResponseHeaderProperty,
}

impl Role {
    /// All that have kinds of their own.
    pub(super) const ALL: [Role; 9] = [
        Role::RequestBody,
        Role::RequestProperty,
        Role::RequestParameter,
        Role::RequestParameterProperty,
        Role::RequestHeaderProperty,
        Role::ResponseBody,
        Role::ResponseProperty,
        Role::ResponseHeader,
        Role::ResponseHeaderProperty,
    ];

    /// Those of what lies inside of a value, in the order of [`Member::ids`].
    pub(super) const PROPERTIES: [Role; 5] = [
        Role::RequestProperty,
        Role::RequestParameterProperty,
        Role::RequestHeaderProperty,
        Role::ResponseProperty,
        Role::ResponseHeaderProperty,
    ];

    /// How the names of its kinds begin.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Role::RequestBody => "request-body",
            Role::RequestProperty => "request-property",
            Role::RequestParameter | Role::RequestHeader => "request-parameter",
            Role::RequestParameterProperty => "request-parameter-property",
            Role::RequestHeaderProperty => "request-header-property",
            Role::ResponseBody => "response-body",
            Role::ResponseProperty => "response-property",
            Role::ResponseHeader => "response-header",
            Role::ResponseHeaderProperty => "response-header-property",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Role::RequestBody => "the request body",
            Role::RequestProperty => "a request property",
            Role::RequestParameter | Role::RequestHeader => "a parameter",
            Role::RequestParameterProperty => "a property of a parameter",
            Role::RequestHeaderProperty => "a property of a header parameter",
            Role::ResponseBody => "the response body",
            Role::ResponseProperty => "a response property",
            Role::ResponseHeader => "a response header",
            Role::ResponseHeaderProperty => "a property of a response header",
        }
    }

    /// Who sends it where the caller calls.
    pub(super) fn direction(self) -> Direction {
        match self {
            Role::RequestBody
            | Role::RequestProperty
            | Role::RequestParameter
            | Role::RequestHeader
            | Role::RequestParameterProperty
            | Role::RequestHeaderProperty => Direction::Request,
            Role::ResponseBody
            | Role::ResponseProperty
            | Role::ResponseHeader
            | Role::ResponseHeaderProperty => Direction::Response,
        }
    }

    /// That of what lies inside.
    pub(super) fn inside(self) -> Self {
        match self {
            Role::RequestBody => Role::RequestProperty,
            Role::RequestParameter => Role::RequestParameterProperty,
            Role::RequestHeader => Role::RequestHeaderProperty,
            Role::ResponseBody => Role::ResponseProperty,
            Role::ResponseHeader => Role::ResponseHeaderProperty,
            inside => inside,
        }
    }
}

/// The levels of a change: of what the caller sends, and of what it gets.
type Levels = (Level, Level);

use Level::{Breaking, Dangerous, Safe};

/// Less is allowed than before.
const NARROWS: Levels = (Breaking, Safe);
/// More is allowed than before.
const WIDENS: Levels = (Safe, Breaking);
/// Something else is allowed.
const REPLACES: Levels = (Breaking, Breaking);
/// It cannot be told whether more or less is allowed.
const UNCLEAR: Levels = (Dangerous, Dangerous);
/// Nothing changes for a caller.
const NOTHING: Levels = (Safe, Safe);

/// The kinds of changes of a schema: how their names end, their levels, and what to say.
#[rustfmt::skip]
const VALUES: &[(&str, Levels, &str)] = &[
    ("type-changed", REPLACES, "the type of {it} is {new}, no longer {old}"),
    ("type-generalized", WIDENS, "the type of {it} is wider: {new} instead of {old}"),
    ("type-specialized", NARROWS, "the type of {it} is narrower: {new} instead of {old}"),
    ("list-of-types-widened", WIDENS, "{it} may have more types: {new} instead of {old}"),
    ("list-of-types-narrowed", NARROWS, "{it} may have fewer types: {new} instead of {old}"),
    ("became-nullable", WIDENS, "{it} may be null now"),
    ("became-not-nullable", NARROWS, "{it} must not be null any more"),
    ("schema-became-false", REPLACES, "nothing is allowed any more as {it}: its schema is false"),
    ("schema-became-not-false", WIDENS, "{it} is allowed now: its schema was false"),

    ("format-added", (Dangerous, Safe), "{it} has the format {new} now"),
    ("format-removed", (Safe, Dangerous), "{it} has no longer the format {old}"),
    ("format-changed", REPLACES, "the format of {it} is {new}, no longer {old}"),
    ("format-generalized", WIDENS, "the format of {it} is wider: {new} instead of {old}"),
    ("format-specialized", NARROWS, "the format of {it} is narrower: {new} instead of {old}"),

    ("became-enum", NARROWS, "{it} is limited to a list of values now: {new}"),
    ("became-not-enum", WIDENS, "{it} is no longer limited to a list of values"),
    ("enum-value-added", (Safe, Dangerous), "{it} may have the value {new} now"),
    ("enum-value-removed", NARROWS, "{it} cannot have the value {old} any more"),
    ("const-added", NARROWS, "{it} always has the value {new} now"),
    ("const-changed", REPLACES, "{it} always has the value {new}, no longer {old}"),
    ("const-removed", WIDENS, "{it} does not always have the value {old} any more"),
    ("x-extensible-enum-value-added", NOTHING, "{it} may have the value {new} now, and callers know that more may come"),
    ("x-extensible-enum-value-removed", NARROWS, "{it} cannot have the value {old} any more"),
    ("default-value-added", (Dangerous, Safe), "the default of {it} is {new} now; it had none"),
    ("default-value-changed", (Dangerous, Safe), "the default of {it} is {new}, no longer {old}"),
    ("default-value-removed", (Dangerous, Safe), "{it} has no default any more; it was {old}"),

    ("pattern-added", NARROWS, "{it} has to match {new} now"),
    ("pattern-changed", UNCLEAR, "{it} has to match {new}, no longer {old}"),
    ("pattern-generalized", WIDENS, "{it} has to match {new} only, no longer {old}"),
    ("pattern-removed", WIDENS, "{it} does not have to match {old} any more"),

    ("max-set", NARROWS, "{it} is at most {new} now; it had no maximum"),
    ("max-unset", WIDENS, "{it} has no maximum any more; it was {old}"),
    ("max-increased", WIDENS, "the maximum of {it} is {new} instead of {old}"),
    ("max-decreased", NARROWS, "the maximum of {it} is {new} instead of {old}"),
    ("min-set", NARROWS, "{it} is at least {new} now; it had no minimum"),
    ("min-unset", WIDENS, "{it} has no minimum any more; it was {old}"),
    ("min-increased", NARROWS, "the minimum of {it} is {new} instead of {old}"),
    ("min-decreased", WIDENS, "the minimum of {it} is {new} instead of {old}"),
    ("exclusive-max-set", NARROWS, "{it} is less than {new} now; it had no maximum"),
    ("exclusive-max-unset", WIDENS, "{it} has no maximum any more; it was less than {old}"),
    ("exclusive-max-increased", WIDENS, "{it} is less than {new}; its maximum was {old}"),
    ("exclusive-max-decreased", NARROWS, "{it} is less than {new}; its maximum was {old}"),
    ("exclusive-min-set", NARROWS, "{it} is more than {new} now; it had no minimum"),
    ("exclusive-min-unset", WIDENS, "{it} has no minimum any more; it was more than {old}"),
    ("exclusive-min-increased", NARROWS, "{it} is more than {new}; its minimum was {old}"),
    ("exclusive-min-decreased", WIDENS, "{it} is more than {new}; its minimum was {old}"),
    ("max-length-set", NARROWS, "{it} has at most {new} characters now; it had no limit"),
    ("max-length-unset", WIDENS, "{it} has no longest length any more; it was {old}"),
    ("max-length-increased", WIDENS, "the longest length of {it} is {new} instead of {old}"),
    ("max-length-decreased", NARROWS, "the longest length of {it} is {new} instead of {old}"),
    ("min-length-set", NARROWS, "{it} has at least {new} characters now; it had no limit"),
    ("min-length-unset", WIDENS, "{it} has no shortest length any more; it was {old}"),
    ("min-length-increased", NARROWS, "the shortest length of {it} is {new} instead of {old}"),
    ("min-length-decreased", WIDENS, "the shortest length of {it} is {new} instead of {old}"),
    ("max-items-set", NARROWS, "{it} has at most {new} items now; it had no limit"),
    ("max-items-unset", WIDENS, "{it} has no highest number of items any more; it was {old}"),
    ("max-items-increased", WIDENS, "the highest number of items of {it} is {new} instead of {old}"),
    ("max-items-decreased", NARROWS, "the highest number of items of {it} is {new} instead of {old}"),
    ("min-items-set", NARROWS, "{it} has at least {new} items now; it had no limit"),
    ("min-items-unset", WIDENS, "{it} has no lowest number of items any more; it was {old}"),
    ("min-items-increased", NARROWS, "the lowest number of items of {it} is {new} instead of {old}"),
    ("min-items-decreased", WIDENS, "the lowest number of items of {it} is {new} instead of {old}"),
    ("max-properties-set", NARROWS, "{it} has at most {new} properties now; it had no limit"),
    ("max-properties-unset", WIDENS, "{it} has no highest number of properties any more; it was {old}"),
    ("max-properties-increased", WIDENS, "the highest number of properties of {it} is {new} instead of {old}"),
    ("max-properties-decreased", NARROWS, "the highest number of properties of {it} is {new} instead of {old}"),
    ("min-properties-set", NARROWS, "{it} has at least {new} properties now; it had no limit"),
    ("min-properties-unset", WIDENS, "{it} has no lowest number of properties any more; it was {old}"),
    ("min-properties-increased", NARROWS, "the lowest number of properties of {it} is {new} instead of {old}"),
    ("min-properties-decreased", WIDENS, "the lowest number of properties of {it} is {new} instead of {old}"),
    ("max-contains-set", NARROWS, "at most {new} items of {it} match `contains` now; there was no limit"),
    ("max-contains-unset", WIDENS, "any number of items of {it} may match `contains`; the highest was {old}"),
    ("max-contains-increased", WIDENS, "at most {new} instead of {old} items of {it} match `contains`"),
    ("max-contains-decreased", NARROWS, "at most {new} instead of {old} items of {it} match `contains`"),
    ("min-contains-set", NARROWS, "at least {new} items of {it} match `contains` now; it was not said how many"),
    ("min-contains-unset", WIDENS, "it is not said any more how many items of {it} match `contains`; the lowest was {old}"),
    ("min-contains-increased", NARROWS, "at least {new} instead of {old} items of {it} match `contains`"),
    ("min-contains-decreased", WIDENS, "at least {new} instead of {old} items of {it} match `contains`"),
    ("multiple-of-set", NARROWS, "{it} is a multiple of {new} now"),
    ("multiple-of-unset", WIDENS, "{it} does not have to be a multiple of {old} any more"),
    ("multiple-of-changed", REPLACES, "{it} is a multiple of {new}, no longer of {old}"),
    ("multiple-of-generalized", WIDENS, "{it} is a multiple of {new} only, no longer of {old}"),
    ("multiple-of-specialized", NARROWS, "{it} is a multiple of {new}, no longer only of {old}"),
    ("unique-items-set", NARROWS, "no two items of {it} are equal now"),
    ("unique-items-unset", WIDENS, "items of {it} may be equal now"),

    ("one-of-added", WIDENS, "{it} may be {new} as well, as a member of oneOf"),
    ("one-of-removed", NARROWS, "{it} cannot be {old} any more, which was a member of oneOf"),
    ("any-of-added", WIDENS, "{it} may be {new} as well, as a member of anyOf"),
    ("any-of-removed", NARROWS, "{it} cannot be {old} any more, which was a member of anyOf"),
    ("all-of-added", NARROWS, "{it} has to be {new} as well, as a member of allOf"),
    ("all-of-removed", WIDENS, "{it} does not have to be {old} any more, which was a member of allOf"),
    ("one-of-constraint-added", NARROWS, "{it} has to be one of the members of oneOf now"),
    ("one-of-constraint-removed", WIDENS, "{it} does not have to be one of the members of oneOf any more"),
    ("any-of-constraint-added", NARROWS, "{it} has to be one of the members of anyOf now"),
    ("any-of-constraint-removed", WIDENS, "{it} does not have to be one of the members of anyOf any more"),
    ("wrapped-in-one-of", REPLACES, "{it} is one of several schemas now, and none of these is the one that it had"),
    ("wrapped-in-one-of-original-preserved", WIDENS, "{it} is one of several schemas now, one of which is the one that it had"),
    ("wrapped-in-any-of", REPLACES, "{it} is any of several schemas now, and none of these is the one that it had"),
    ("wrapped-in-any-of-original-preserved", WIDENS, "{it} is any of several schemas now, one of which is the one that it had"),
    ("unwrapped", REPLACES, "{it} has one schema now, which is none of the several that it could have"),
    ("unwrapped-member-kept", NARROWS, "{it} has one schema now; it could have several"),
    ("one-of-became-any-of", WIDENS, "{it} may match several members now: oneOf became anyOf"),
    ("any-of-became-one-of", NARROWS, "{it} may match only one member now: anyOf became oneOf"),
    ("not-added", NARROWS, "what matches `not` is excluded from {it} now"),
    ("not-changed", UNCLEAR, "something else is excluded from {it}: `not` changed"),
    ("not-removed", WIDENS, "what matched `not` is allowed as {it} now"),
    ("discriminator-added", (Dangerous, Safe), "property {new} tells what {it} is now"),
    ("discriminator-removed", (Safe, Dangerous), "property {old} does not tell any more what {it} is"),
    ("discriminator-property-name-changed", REPLACES, "property {new} tells what {it} is, no longer {old}"),
    ("discriminator-mapping-added", (Safe, Dangerous), "the discriminator of {it} may be {new} now"),
    ("discriminator-mapping-changed", REPLACES, "a value of the discriminator of {it} means another schema: {new} instead of {old}"),
    ("discriminator-mapping-deleted", NARROWS, "the discriminator of {it} cannot be {old} any more"),
    ("discriminator-default-mapping-changed", UNCLEAR, "{it} without a known discriminator is {new}, no longer {old}"),

    ("additional-properties-closed", NARROWS, "{it} has no properties any more besides those that are listed"),
    ("additional-properties-opened", (Safe, Dangerous), "{it} may have properties now besides those that are listed"),
    ("additional-properties-schema-added", NARROWS, "properties of {it} that are not listed have to match a schema now"),
    ("additional-properties-schema-removed", WIDENS, "properties of {it} that are not listed do not have to match a schema any more"),
    ("unevaluated-properties-added", NARROWS, "properties of {it} that no schema names are restricted now"),
    ("unevaluated-properties-removed", WIDENS, "properties of {it} that no schema names are not restricted any more"),
    ("unevaluated-items-added", NARROWS, "items of {it} that no schema names are restricted now"),
    ("unevaluated-items-removed", WIDENS, "items of {it} that no schema names are not restricted any more"),
    ("pattern-property-added", NARROWS, "properties of {it} whose names match {new} have to match a schema now"),
    ("pattern-property-removed", WIDENS, "properties of {it} whose names match {old} do not have to match a schema any more"),
    ("property-names-added", NARROWS, "the names of the properties of {it} are restricted now"),
    ("property-names-removed", WIDENS, "the names of the properties of {it} are not restricted any more"),
    ("dependent-required-added", NARROWS, "{it} needs more properties when it has {new}"),
    ("dependent-required-changed", REPLACES, "{it} needs other properties than before when it has {new}"),
    ("dependent-required-removed", WIDENS, "{it} does not need more properties any more when it has {old}"),
    ("dependent-schema-added", NARROWS, "{it} has to match one more schema when it has {new}"),
    ("dependent-schema-removed", WIDENS, "{it} does not have to match one more schema any more when it has {old}"),
    ("items-added", NARROWS, "the items of {it} have to match a schema now"),
    ("items-removed", WIDENS, "the items of {it} do not have to match a schema any more"),
    ("prefix-items-added", UNCLEAR, "item {new} of {it} has a schema of its own now"),
    ("prefix-items-removed", UNCLEAR, "item {old} of {it} has no schema of its own any more"),
    ("contains-added", NARROWS, "an item of {it} has to match `contains` now"),
    ("contains-removed", WIDENS, "no item of {it} has to match `contains` any more"),
    ("if-added", NARROWS, "{it} has to match more under a condition: `if` is new"),
    ("if-changed", UNCLEAR, "the condition under which {it} has to match more is another: `if` changed"),
    ("if-removed", WIDENS, "{it} does not have to match more under a condition any more: `if` is gone"),
    ("then-added", NARROWS, "{it} has to match more when the condition is met: `then` is new"),
    ("then-removed", WIDENS, "{it} does not have to match more any more when the condition is met: `then` is gone"),
    ("else-added", NARROWS, "{it} has to match more when the condition is not met: `else` is new"),
    ("else-removed", WIDENS, "{it} does not have to match more any more when the condition is not met: `else` is gone"),
    ("content-encoding-changed", REPLACES, "the text of {it} is encoded as {new}, no longer as {old}"),
    ("content-media-type-changed", REPLACES, "the text of {it} is {new}, no longer {old}"),
    ("content-schema-added", NARROWS, "what the text of {it} holds has to match a schema now"),
    ("content-schema-removed", WIDENS, "what the text of {it} holds does not have to match a schema any more"),
    ("xml-changed", UNCLEAR, "{it} is written in another way in XML"),
];

/// A kind of change of a property within its object.
struct Member {
    name: &'static str,
    /// In the order of [`Role::PROPERTIES`]; empty where it does not happen.
    ids: [&'static str; 5],
    levels: Levels,
    text: &'static str,
    advice: &'static str,
}

/// The names of the kinds that end the same for all.
macro_rules! ids {
    ($end:literal) => {
        [
            concat!("request-property-", $end),
            concat!("request-parameter-property-", $end),
            concat!("request-header-property-", $end),
            concat!("response-property-", $end),
            concat!("response-header-property-", $end),
        ]
    };
    (request $end:literal) => {
        [
            concat!("request-property-", $end),
            concat!("request-parameter-property-", $end),
            concat!("request-header-property-", $end),
            "",
            "",
        ]
    };
    (response $what:literal $end:literal) => {
        [
            "",
            "",
            "",
            concat!("response-", $what, "-property-", $end),
            concat!("response-header-", $what, "-property-", $end),
        ]
    };
    ($what:literal $end:literal) => {
        [
            concat!("request-", $what, "-property-", $end),
            concat!("request-parameter-", $what, "-property-", $end),
            concat!("request-header-", $what, "-property-", $end),
            concat!("response-", $what, "-property-", $end),
            concat!("response-header-", $what, "-property-", $end),
        ]
    };
    (new $what:literal $end:literal) => {
        [
            concat!("new-", $what, "-request-property", $end),
            concat!("new-", $what, "-request-parameter-property", $end),
            concat!("new-", $what, "-request-header-property", $end),
            concat!("response-", $what, "-property-added", $end),
            concat!("response-header-", $what, "-property-added", $end),
        ]
    };
}

const GIVE_IT_A_DATE: &str =
    "callers cannot plan: write when it ends into `x-sunset`, as in 2030-01-31";

#[rustfmt::skip]
const MEMBERS: &[Member] = &[
    Member { name: "added-required", ids: ids!(new "required" ""), levels: NARROWS,
        text: "{it} is new and required",
        advice: "callers that do not send it are refused: make it optional" },
    Member { name: "added-required-with-default", ids: ids!(new "required" "-with-default"), levels: NARROWS,
        text: "{it} is new and required, although it has a default",
        advice: "callers that do not send it are refused: take it out of `required`, as there is a default" },
    Member { name: "added-optional", ids: ids!(new "optional" ""), levels: NOTHING,
        text: "{it} is new", advice: "" },
    Member { name: "removed", ids: ids!(request "removed"), levels: (Dangerous, Breaking),
        text: "{it} is gone",
        advice: "callers that send it are ignored or refused: mark it as deprecated first, with a date in `x-sunset`" },
    Member { name: "removed-from-closed-object", ids: ids!(request "removed-from-closed-object"), levels: (Breaking, Breaking),
        text: "{it} is gone, and the object takes no properties that are not listed",
        advice: "callers that send it are refused: mark it as deprecated first, with a date in `x-sunset`" },
    Member { name: "removed-with-deprecation", ids: ids!("removed-with-deprecation"), levels: NOTHING,
        text: "{it} is gone, after its sunset on {old}", advice: "" },
    Member { name: "removed-before-sunset", ids: ids!("removed-before-sunset"), levels: REPLACES,
        text: "{it} is gone before its sunset on {old}",
        advice: "callers were told that they have until then: bring it back until that day" },
    Member { name: "removed-required", ids: ids!(response "required" "removed"), levels: (Dangerous, Breaking),
        text: "{it} is gone; it was always there",
        advice: "callers that need it fail: mark it as deprecated first, with a date in `x-sunset`" },
    Member { name: "removed-optional", ids: ids!(response "optional" "removed"), levels: UNCLEAR,
        text: "{it} is gone; it was not always there",
        advice: "callers that used it when it was there do not get it any more: tell them before" },
    Member { name: "became-required", ids: ids!("became-required"), levels: NARROWS,
        text: "{it} is required now",
        advice: "callers that do not send it are refused: keep it optional, with a default" },
    Member { name: "became-required-with-default", ids: ids!("became-required-with-default"), levels: NARROWS,
        text: "{it} is required now, although it has a default",
        advice: "callers that do not send it are refused: take it out of `required`, as there is a default" },
    Member { name: "became-optional", ids: ids!("became-optional"), levels: WIDENS,
        text: "{it} is not required any more",
        advice: "callers that rely on it fail when it is not there: keep sending it" },
    Member { name: "required-became-read-only", ids: ids!("required" "became-read-only"), levels: (Dangerous, Safe),
        text: "{it} is read-only now", advice: "what callers send for it is ignored or refused: tell them before" },
    Member { name: "required-became-not-read-only", ids: ids!("required" "became-not-read-only"), levels: (Breaking, Safe),
        text: "{it} is not read-only any more and has to be sent",
        advice: "callers that do not send it are refused: make it optional" },
    Member { name: "required-became-write-only", ids: ids!("required" "became-write-only"), levels: (Safe, Breaking),
        text: "{it} is write-only now", advice: "callers do not get it any more: offer it elsewhere first" },
    Member { name: "required-became-not-write-only", ids: ids!("required" "became-not-write-only"), levels: NOTHING,
        text: "{it} is not write-only any more", advice: "" },
    Member { name: "optional-became-read-only", ids: ids!("optional" "became-read-only"), levels: (Dangerous, Safe),
        text: "{it} is read-only now", advice: "what callers send for it is ignored or refused: tell them before" },
    Member { name: "optional-became-not-read-only", ids: ids!("optional" "became-not-read-only"), levels: NOTHING,
        text: "{it} is not read-only any more", advice: "" },
    Member { name: "optional-became-write-only", ids: ids!("optional" "became-write-only"), levels: (Safe, Dangerous),
        text: "{it} is write-only now", advice: "callers do not get it any more: tell them before" },
    Member { name: "optional-became-not-write-only", ids: ids!("optional" "became-not-write-only"), levels: NOTHING,
        text: "{it} is not write-only any more", advice: "" },
    Member { name: "deprecated-with-sunset", ids: ids!("deprecated-with-sunset"), levels: NOTHING,
        text: "{it} is deprecated and ends on {new}", advice: "" },
    Member { name: "deprecated-sunset-missing", ids: ids!("deprecated-sunset-missing"), levels: NOTHING,
        text: "{it} is deprecated, and it is not said when it ends", advice: GIVE_IT_A_DATE },
    Member { name: "deprecated-sunset-invalid", ids: ids!("deprecated-sunset-invalid"), levels: REPLACES,
        text: "{it} is deprecated, and its sunset {new} is no date", advice: GIVE_IT_A_DATE },
    Member { name: "sunset-date-too-small", ids: ids!("sunset-date-too-small"), levels: REPLACES,
        text: "{it} is deprecated, and its sunset on {new} is over already",
        advice: "callers have no time to change: choose a day to come" },
    Member { name: "sunset-date-changed-too-small", ids: ids!("sunset-date-changed-too-small"), levels: REPLACES,
        text: "{it} ends on {new}, earlier than on {old}",
        advice: "callers were told that they have longer: keep the day" },
    Member { name: "sunset-date-postponed", ids: ids!("sunset-date-postponed"), levels: NOTHING,
        text: "{it} ends on {new}, later than on {old}", advice: "" },
    Member { name: "sunset-deleted", ids: ids!("sunset-deleted"), levels: REPLACES,
        text: "it is not said any more when {it} ends; it was {old}", advice: GIVE_IT_A_DATE },
    Member { name: "reactivated", ids: ids!("reactivated"), levels: NOTHING,
        text: "{it} is not deprecated any more", advice: "" },
    Member { name: "stability-decreased", ids: ids!("stability-decreased"), levels: REPLACES,
        text: "the stability of {it} is {new}, less than {old}",
        advice: "callers were promised more: keep what they rely on as stable as it was" },
    Member { name: "stability-increased", ids: ids!("stability-increased"), levels: NOTHING,
        text: "the stability of {it} is {new}, more than {old}", advice: "" },
];

/// A kind of change of anything but a schema.
struct Other {
    id: &'static str,
    /// Where the caller calls, and where the service does.
    levels: Levels,
    text: &'static str,
    advice: &'static str,
}

const DEPRECATE_FIRST: &str = "callers get an error: mark it as deprecated first, with a date in `x-sunset`, and remove it after that";

/// A level that is the same in both directions.
const fn both(level: Level) -> Levels {
    (level, level)
}

#[rustfmt::skip]
const OTHERS: &[Other] = &[
    // Operations
    Other { id: "endpoint-added", levels: NOTHING, text: "{it} is new", advice: "" },
    Other { id: "api-removed-without-deprecation", levels: REPLACES,
        text: "{it} is gone, and was not deprecated before", advice: DEPRECATE_FIRST },
    Other { id: "api-removed-with-deprecation", levels: NOTHING, text: "{it} is gone, after its sunset on {old}", advice: "" },
    Other { id: "api-removed-before-sunset", levels: REPLACES, text: "{it} is gone before its sunset on {old}",
        advice: "callers were told that they have until then: bring it back until that day" },
    Other { id: "api-removed-sunset-parse", levels: REPLACES,
        text: "{it} is gone; it was deprecated, but its sunset is {old}", advice: DEPRECATE_FIRST },
    Other { id: "api-path-removed-without-deprecation", levels: REPLACES,
        text: "{it} is gone with its whole path, and was not deprecated before", advice: DEPRECATE_FIRST },
    Other { id: "api-path-removed-with-deprecation", levels: NOTHING,
        text: "{it} is gone with its whole path, after its sunset on {old}", advice: "" },
    Other { id: "api-path-removed-before-sunset", levels: REPLACES,
        text: "{it} is gone with its whole path before its sunset on {old}",
        advice: "callers were told that they have until then: bring it back until that day" },
    Other { id: "api-path-sunset-parse", levels: REPLACES,
        text: "{it} is gone with its whole path; it was deprecated, but its sunset is {old}", advice: DEPRECATE_FIRST },
    Other { id: "endpoint-deprecated-with-sunset", levels: NOTHING, text: "{it} is deprecated and ends on {new}", advice: "" },
    Other { id: "api-deprecated-sunset-missing", levels: NOTHING,
        text: "{it} is deprecated, and it is not said when it ends", advice: GIVE_IT_A_DATE },
    Other { id: "api-deprecated-sunset-parse", levels: REPLACES,
        text: "{it} is deprecated, and its sunset {new} is no date", advice: GIVE_IT_A_DATE },
    Other { id: "api-sunset-date-too-small", levels: REPLACES,
        text: "{it} is deprecated, and its sunset on {new} is over already",
        advice: "callers have no time to change: choose a day to come" },
    Other { id: "api-sunset-date-changed-too-small", levels: REPLACES,
        text: "{it} ends on {new}, earlier than on {old}", advice: "callers were told that they have longer: keep the day" },
    Other { id: "api-sunset-date-postponed", levels: NOTHING, text: "{it} ends on {new}, later than on {old}", advice: "" },
    Other { id: "sunset-deleted", levels: REPLACES,
        text: "it is not said any more when {it} ends; it was {old}", advice: GIVE_IT_A_DATE },
    Other { id: "endpoint-reactivated", levels: NOTHING, text: "{it} is not deprecated any more", advice: "" },
    Other { id: "api-stability-decreased", levels: REPLACES,
        text: "the stability of {it} is {new}, less than {old}",
        advice: "callers were promised more: keep what they rely on as stable as it was" },
    Other { id: "api-stability-increased", levels: NOTHING, text: "the stability of {it} is {new}, more than {old}", advice: "" },
    Other { id: "api-invalid-stability-level", levels: REPLACES,
        text: "the stability of {it} is {new}, which is none",
        advice: "write draft, alpha, beta or stable" },
    Other { id: "api-operation-id-added", levels: NOTHING, text: "the operationId of {it} is {new} now; it had none", advice: "" },
    Other { id: "api-operation-id-changed", levels: both(Dangerous), text: "the operationId of {it} is {new}, no longer {old}",
        advice: "functions of generated clients are called by it: keep it, or tell those who generate them" },
    Other { id: "api-operation-id-removed", levels: both(Dangerous), text: "{it} has no operationId any more; it was {old}",
        advice: "functions of generated clients are called by it: keep it, or tell those who generate them" },
    Other { id: "api-tag-added", levels: NOTHING, text: "{it} has the tag {new} now", advice: "" },
    Other { id: "api-tag-removed", levels: NOTHING, text: "{it} has no longer the tag {old}", advice: "" },
    Other { id: "path-parameter-renamed", levels: NOTHING,
        text: "the parameter {old} of the path of {it} is called {new} now", advice: "" },
    Other { id: "webhook-added", levels: NOTHING, text: "{it} is new", advice: "" },
    Other { id: "webhook-removed", levels: REPLACES, text: "{it} is gone",
        advice: "callers that wait for it are not told any more: announce it before" },
    Other { id: "callback-added", levels: NOTHING, text: "{it} is new", advice: "" },
    Other { id: "callback-removed", levels: REPLACES, text: "{it} is gone",
        advice: "callers that wait for it are not told any more: announce it before" },

    // Parameters
    Other { id: "new-required-request-parameter", levels: NARROWS, text: "{it} is new and required",
        advice: "callers that do not send it are refused: make it optional, with a default" },
    Other { id: "new-optional-request-parameter", levels: NOTHING, text: "{it} is new", advice: "" },
    Other { id: "new-required-request-default-parameter-to-existing-path", levels: NARROWS,
        text: "{it} is new and required for all operations of the path",
        advice: "callers that do not send it are refused: make it optional, with a default" },
    Other { id: "new-optional-request-default-parameter-to-existing-path", levels: NOTHING,
        text: "{it} is new for all operations of the path", advice: "" },
    Other { id: "new-request-path-parameter", levels: NARROWS, text: "{it} is new",
        advice: "callers that do not send it reach nothing: offer it as another path" },
    Other { id: "request-parameter-removed", levels: (Dangerous, Breaking), text: "{it} is gone",
        advice: "what callers send for it is ignored or refused: mark it as deprecated first, with a date in `x-sunset`" },
    Other { id: "request-parameter-removed-with-deprecation", levels: NOTHING,
        text: "{it} is gone, after its sunset on {old}", advice: "" },
    Other { id: "request-parameter-removed-before-sunset", levels: REPLACES,
        text: "{it} is gone before its sunset on {old}",
        advice: "callers were told that they have until then: bring it back until that day" },
    Other { id: "request-parameter-in-changed", levels: REPLACES,
        text: "{it} is sent in another place: {new} instead of {old}",
        advice: "callers that send it as before are refused or ignored: accept both until they have changed" },
    Other { id: "request-parameter-became-required", levels: NARROWS, text: "{it} is required now",
        advice: "callers that do not send it are refused: keep it optional, with a default" },
    Other { id: "request-parameter-became-optional", levels: WIDENS, text: "{it} is not required any more", advice: "" },
    Other { id: "request-parameter-style-changed", levels: REPLACES, text: "{it} is written in the style {new}, no longer {old}", advice: "" },
    Other { id: "request-parameter-explode-changed", levels: REPLACES,
        text: "several values of {it} are written in another way: explode is {new}, no longer {old}", advice: "" },
    Other { id: "request-parameter-allow-reserved-added", levels: WIDENS,
        text: "{it} may hold reserved characters now without encoding them", advice: "" },
    Other { id: "request-parameter-allow-reserved-removed", levels: NARROWS,
        text: "reserved characters in {it} have to be encoded now", advice: "" },
    Other { id: "request-parameter-allow-empty-value-added", levels: WIDENS, text: "{it} may be empty now", advice: "" },
    Other { id: "request-parameter-allow-empty-value-removed", levels: NARROWS, text: "{it} must not be empty any more", advice: "" },
    Other { id: "request-parameter-content-changed", levels: REPLACES,
        text: "{it} is written as {new}, no longer as {old}", advice: "" },
    Other { id: "request-parameter-schema-added", levels: NARROWS, text: "{it} has to match a schema now", advice: "" },
    Other { id: "request-parameter-schema-removed", levels: WIDENS, text: "{it} does not have to match a schema any more", advice: "" },
    Other { id: "request-parameter-deprecated", levels: NOTHING, text: "{it} is deprecated and ends on {new}", advice: "" },
    Other { id: "request-parameter-deprecated-sunset-missing", levels: NOTHING,
        text: "{it} is deprecated, and it is not said when it ends", advice: GIVE_IT_A_DATE },
    Other { id: "request-parameter-sunset-parse", levels: REPLACES,
        text: "{it} is deprecated, and its sunset {new} is no date", advice: GIVE_IT_A_DATE },
    Other { id: "request-parameter-sunset-date-too-small", levels: REPLACES,
        text: "{it} is deprecated, and its sunset on {new} is over already",
        advice: "callers have no time to change: choose a day to come" },
    Other { id: "request-parameter-sunset-date-changed-too-small", levels: REPLACES,
        text: "{it} ends on {new}, earlier than on {old}", advice: "callers were told that they have longer: keep the day" },
    Other { id: "request-parameter-sunset-date-postponed", levels: NOTHING, text: "{it} ends on {new}, later than on {old}", advice: "" },
    Other { id: "request-parameter-sunset-deleted", levels: REPLACES,
        text: "it is not said any more when {it} ends; it was {old}", advice: GIVE_IT_A_DATE },
    Other { id: "request-parameter-reactivated", levels: NOTHING, text: "{it} is not deprecated any more", advice: "" },

    // Request bodies
    Other { id: "request-body-added-required", levels: NARROWS, text: "{it} needs a body now",
        advice: "callers that send none are refused: make it optional" },
    Other { id: "request-body-added-optional", levels: NOTHING, text: "{it} may have a body now", advice: "" },
    Other { id: "request-body-removed", levels: REPLACES, text: "{it} has no body any more",
        advice: "what callers send is ignored or refused: accept it until they have changed" },
    Other { id: "request-body-became-required", levels: NARROWS, text: "the body of {it} is required now",
        advice: "callers that send none are refused: keep it optional" },
    Other { id: "request-body-became-optional", levels: WIDENS, text: "the body of {it} is not required any more", advice: "" },
    Other { id: "request-body-media-type-added", levels: WIDENS, text: "{it} takes {new} now as well", advice: "" },
    Other { id: "request-body-media-type-removed", levels: NARROWS, text: "{it} does not take {old} any more",
        advice: "callers that send it are refused with 415: accept it until they have changed" },
    Other { id: "request-body-media-type-parameter-added", levels: NOTHING, text: "{it} has the parameter {new} now", advice: "" },
    Other { id: "request-body-media-type-parameter-changed", levels: REPLACES, text: "{it} has the parameter {new}, no longer {old}", advice: "" },
    Other { id: "request-body-media-type-parameter-removed", levels: NOTHING, text: "{it} has no longer the parameter {old}", advice: "" },
    Other { id: "request-body-media-type-schema-added", levels: NARROWS, text: "{it} has to match a schema now", advice: "" },
    Other { id: "request-body-media-type-schema-removed", levels: WIDENS, text: "{it} does not have to match a schema any more", advice: "" },
    Other { id: "request-body-media-type-item-schema-added", levels: NARROWS, text: "each item of {it} has to match a schema now", advice: "" },
    Other { id: "request-body-media-type-item-schema-removed", levels: WIDENS,
        text: "the items of {it} do not have to match a schema any more", advice: "" },
    Other { id: "request-body-encoding-changed", levels: both(Dangerous), text: "{it} has its part {new} written in another way",
        advice: "it depends on how callers write that part: accept both until they have changed" },

    // Responses. These are what a caller gets, so the second level is that of a webhook's answer.
    Other { id: "response-success-status-added", levels: (Dangerous, Safe), text: "{it} may answer {new} now",
        advice: "callers that know only the other statuses may take it for an error: tell them before" },
    Other { id: "response-success-status-removed", levels: (Breaking, Breaking), text: "{it} does not answer {old} any more",
        advice: "callers wait for it: keep answering with it, or offer the new answer under another path or version" },
    Other { id: "response-non-success-status-added", levels: NOTHING, text: "{it} may answer {new} now", advice: "" },
    Other { id: "response-non-success-status-removed", levels: (Safe, Breaking), text: "{it} does not answer {old} any more", advice: "" },
    Other { id: "response-media-type-added", levels: NOTHING, text: "{it} may be {new} now as well", advice: "" },
    Other { id: "response-media-type-removed", levels: REPLACES, text: "{it} is not {old} any more",
        advice: "callers that ask for it get 406 or something that they cannot read: keep offering it" },
    Other { id: "response-media-type-name-changed", levels: both(Dangerous), text: "{it} is {new}, no longer {old}",
        advice: "callers that look at the name may refuse it: tell them before" },
    Other { id: "response-media-type-name-generalized", levels: (Breaking, Safe), text: "{it} is {new}, wider than {old}", advice: "" },
    Other { id: "response-media-type-name-specialized", levels: (Safe, Breaking), text: "{it} is {new}, narrower than {old}", advice: "" },
    Other { id: "response-media-type-parameter-added", levels: NOTHING, text: "{it} has the parameter {new} now", advice: "" },
    Other { id: "response-media-type-parameter-changed", levels: REPLACES, text: "{it} has the parameter {new}, no longer {old}", advice: "" },
    Other { id: "response-media-type-parameter-removed", levels: REPLACES, text: "{it} has no longer the parameter {old}", advice: "" },
    Other { id: "response-body-media-type-schema-added", levels: (Safe, Breaking), text: "{it} matches a schema now", advice: "" },
    Other { id: "response-body-media-type-schema-removed", levels: (Breaking, Safe), text: "{it} does not match a schema any more", advice: "" },
    Other { id: "response-body-media-type-item-schema-added", levels: (Safe, Breaking), text: "each item of {it} matches a schema now", advice: "" },
    Other { id: "response-body-media-type-item-schema-removed", levels: (Breaking, Safe),
        text: "the items of {it} do not match a schema any more", advice: "" },
    Other { id: "response-body-media-type-item-schema-removed-untyped", levels: (Breaking, Safe),
        text: "neither {it} nor its items match a schema any more", advice: "" },
    Other { id: "response-header-added", levels: NOTHING, text: "{it} is new", advice: "" },
    Other { id: "required-response-header-removed", levels: REPLACES, text: "{it} is gone; it was always there",
        advice: "callers that need it fail: keep sending it, and mark it as deprecated" },
    Other { id: "optional-response-header-removed", levels: both(Dangerous), text: "{it} is gone; it was not always there",
        advice: "callers that used it when it was there do not get it any more: tell them before" },
    Other { id: "response-header-became-optional", levels: (Breaking, Safe), text: "{it} is not always there any more",
        advice: "callers that rely on it fail when it is not there: keep sending it" },
    Other { id: "response-header-became-required", levels: (Safe, Breaking), text: "{it} is always there now", advice: "" },
    Other { id: "response-header-deprecated", levels: NOTHING, text: "{it} is deprecated", advice: "" },
    Other { id: "response-header-reactivated", levels: NOTHING, text: "{it} is not deprecated any more", advice: "" },
    Other { id: "response-header-schema-added", levels: (Safe, Breaking), text: "{it} matches a schema now", advice: "" },
    Other { id: "response-header-schema-removed", levels: (Breaking, Safe), text: "{it} does not match a schema any more", advice: "" },
    Other { id: "response-header-content-changed", levels: REPLACES, text: "{it} holds {new}, no longer {old}", advice: "" },
    Other { id: "response-header-explode-changed", levels: REPLACES,
        text: "several values of {it} are written in another way: explode is {new}, no longer {old}", advice: "" },
    Other { id: "response-link-added", levels: NOTHING, text: "link {new} of {it} is new", advice: "" },
    Other { id: "response-link-changed", levels: both(Dangerous), text: "link {new} of {it} leads elsewhere",
        advice: "callers that follow it do something else: tell them before" },
    Other { id: "response-link-removed", levels: both(Dangerous), text: "link {old} of {it} is gone",
        advice: "callers that follow it cannot any more: tell them before" },

    // Security. https://spec.openapis.org/oas/v3.1.2#security-requirement-object: alternatives, all of
    // whose schemes are needed.
    Other { id: "api-security-added", levels: NOTHING, text: "{it} takes {new} now as well", advice: "" },
    Other { id: "api-security-removed", levels: REPLACES, text: "{it} does not take {old} any more",
        advice: "callers that authenticate with it are refused: take it until they have changed" },
    Other { id: "api-security-became-required", levels: REPLACES, text: "{it} needs {new} now",
        advice: "callers that do not authenticate are refused: tell them before, and give them time" },
    Other { id: "api-security-became-optional", levels: NOTHING, text: "{it} does not need {old} any more", advice: "" },
    Other { id: "api-security-scope-added", levels: REPLACES, text: "{it} needs the scope {new} now",
        advice: "callers whose tokens lack it are refused: give it to them before" },
    Other { id: "api-security-scope-removed", levels: NOTHING, text: "{it} does not need the scope {old} any more", advice: "" },
    Other { id: "api-global-security-added", levels: NOTHING, text: "{it} takes {new} now as well", advice: "" },
    Other { id: "api-global-security-removed", levels: REPLACES, text: "{it} does not take {old} any more",
        advice: "callers that authenticate with it are refused: take it until they have changed" },
    Other { id: "api-global-security-became-required", levels: REPLACES, text: "{it} needs {new} now",
        advice: "callers that do not authenticate are refused: tell them before, and give them time" },
    Other { id: "api-global-security-became-optional", levels: NOTHING, text: "{it} does not need {old} any more", advice: "" },
    Other { id: "api-global-security-scope-added", levels: REPLACES, text: "{it} needs the scope {new} now",
        advice: "callers whose tokens lack it are refused: give it to them before" },
    Other { id: "api-global-security-scope-removed", levels: NOTHING, text: "{it} does not need the scope {old} any more", advice: "" },
    Other { id: "api-security-component-added", levels: NOTHING, text: "{it} is new", advice: "" },
    Other { id: "api-security-component-removed", levels: NOTHING, text: "{it} is gone", advice: "" },
    Other { id: "api-security-component-type-changed", levels: REPLACES, text: "the type of {it} is {new}, no longer {old}",
        advice: "callers cannot authenticate any more as they do: offer the new one under another name beside it" },
    Other { id: "api-security-component-scheme-changed", levels: REPLACES, text: "{it} is HTTP {new}, no longer {old}",
        advice: "callers cannot authenticate any more as they do: offer the new one under another name beside it" },
    Other { id: "api-security-component-name-changed", levels: REPLACES, text: "the key of {it} is sent as {new}, no longer as {old}",
        advice: "keys that are sent as before are not found: accept both until callers have changed" },
    Other { id: "api-security-component-in-changed", levels: REPLACES, text: "the key of {it} is sent in the {new}, no longer in the {old}",
        advice: "keys that are sent as before are not found: accept both until callers have changed" },
    Other { id: "api-security-component-bearer-format-changed", levels: NOTHING,
        text: "the tokens of {it} are {new}, no longer {old}", advice: "" },
    Other { id: "api-security-component-open-id-connect-url-changed", levels: both(Dangerous),
        text: "the OpenID provider of {it} is {new}, no longer {old}",
        advice: "callers that know the old one get no tokens there: keep it until they have changed" },
    Other { id: "api-security-component-oauth-flow-added", levels: NOTHING, text: "{it} has the flow {new} now", advice: "" },
    Other { id: "api-security-component-oauth-flow-removed", levels: REPLACES, text: "{it} has no longer the flow {old}",
        advice: "callers that get tokens by it do not any more: keep it until they have changed" },
    Other { id: "api-security-component-oauth-url-changed", levels: both(Dangerous),
        text: "users of {it} are asked at {new}, no longer at {old}",
        advice: "callers that know the old one get no tokens there: keep it until they have changed" },
    Other { id: "api-security-component-oauth-token-url-changed", levels: both(Dangerous),
        text: "tokens of {it} are given out at {new}, no longer at {old}",
        advice: "callers that know the old one get no tokens there: keep it until they have changed" },
    Other { id: "api-security-component-oauth-refresh-url-changed", levels: both(Dangerous),
        text: "tokens of {it} are renewed at {new}, no longer at {old}",
        advice: "callers that know the old one get no tokens there: keep it until they have changed" },
    Other { id: "api-security-component-oauth-scope-added", levels: NOTHING, text: "{it} knows the scope {new} now", advice: "" },
    Other { id: "api-security-component-oauth-scope-changed", levels: NOTHING, text: "the scope {new} of {it} is described otherwise", advice: "" },
    Other { id: "api-security-component-oauth-scope-removed", levels: both(Dangerous), text: "{it} does not know the scope {old} any more",
        advice: "callers that ask for it get no token: accept it until they have changed" },

    // Servers and the rest of the document
    Other { id: "server-added", levels: NOTHING, text: "{it} is reached at {new} now as well", advice: "" },
    Other { id: "server-removed", levels: REPLACES, text: "{it} is not reached at {old} any more",
        advice: "callers that use this address reach nothing: let it forward to the new one" },
    Other { id: "api-server-added", levels: NOTHING, text: "{it} is reached at {new} now as well", advice: "" },
    Other { id: "api-server-removed", levels: REPLACES, text: "{it} is not reached at {old} any more",
        advice: "callers that use this address reach nothing: let it forward to the new one" },
    Other { id: "server-variable-added", levels: NOTHING, text: "the variable {new} of the server of {it} is new", advice: "" },
    Other { id: "server-variable-removed", levels: both(Dangerous), text: "the variable {old} of the server of {it} is gone",
        advice: "callers that set it reach another address: tell them before" },
    Other { id: "server-variable-default-changed", levels: both(Dangerous),
        text: "the default of a variable of the server of {it} is {new}, no longer {old}",
        advice: "callers that do not set it reach another address: tell them before" },
    Other { id: "server-variable-enum-value-added", levels: NOTHING, text: "a variable of the server of {it} may be {new} now", advice: "" },
    Other { id: "server-variable-enum-value-removed", levels: REPLACES, text: "a variable of the server of {it} cannot be {old} any more",
        advice: "callers that use this address reach nothing: let it forward to the new one" },
    Other { id: "schema-not-compared", levels: both(Dangerous),
        text: "{it} is put together from others in so many ways that not all were compared",
        advice: "what changed there is not known: put schemas together in fewer ways, or compare it by hand" },
    Other { id: "api-schema-removed", levels: NOTHING, text: "{it} is gone from the components", advice: "" },
    Other { id: "api-component-removed", levels: NOTHING, text: "{it} is gone from the components", advice: "" },
    Other { id: "api-title-changed", levels: NOTHING, text: "the title is {new}, no longer {old}", advice: "" },
    Other { id: "api-version-changed", levels: NOTHING, text: "the version is {new}, no longer {old}", advice: "" },
    Other { id: "api-description-changed", levels: NOTHING, text: "the description of the whole is another", advice: "" },
    Other { id: "api-contact-changed", levels: NOTHING, text: "the contact is another", advice: "" },
    Other { id: "api-license-changed", levels: NOTHING, text: "the license is another", advice: "" },
    Other { id: "api-terms-of-service-changed", levels: NOTHING, text: "the terms of service are at {new}, no longer at {old}", advice: "" },
    Other { id: "openapi-version-changed", levels: NOTHING, text: "the version of OpenAPI is {new}, no longer {old}", advice: "" },
    Other { id: "tag-added", levels: NOTHING, text: "the tag {new} is new", advice: "" },
    Other { id: "tag-changed", levels: NOTHING, text: "the tag {new} is described otherwise", advice: "" },
    Other { id: "tag-removed", levels: NOTHING, text: "the tag {old} is gone", advice: "" },
];

/// All kinds, and where each is found.
#[derive(Debug)]
pub(crate) struct Catalogue {
    kinds: Vec<Kind>,
    /// By what the schema is of, and the name of the change.
    of_schemas: HashMap<(Role, &'static str), usize>,
    by_id: HashMap<&'static str, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);

/// All kinds of changes.
pub(super) fn all() -> &'static [Kind] {
    &CATALOGUE.kinds
}

/// The kind of a change of a schema.
pub(super) fn of_schema(role: Role, name: &str) -> Option<&'static Kind> {
    let catalogue: &'static Catalogue = &CATALOGUE;
    let name = catalogue.name(name)?;
    let role = if role == Role::RequestHeader { Role::RequestParameter } else { role };
    Some(&catalogue.kinds[*catalogue.of_schemas.get(&(role, name))?])
}

/// The kind that has an id.
pub(super) fn of_id(id: &str) -> Option<&'static Kind> {
    let catalogue: &'static Catalogue = &CATALOGUE;
    if let Some(index) = catalogue.by_id.get(id) {
        return Some(&catalogue.kinds[*index]);
    }
    catalogue.kinds.iter().find(|kind| kind.id == id)
}

/// The kind that an id in a file of settings names.
///
/// # Errors
/// There is none, with the id that may be meant.
pub(super) fn named(id: &str) -> Result<&'static Kind, String> {
    of_id(id).ok_or_else(|| {
        let near = nearest(id, all().iter().map(|kind| kind.id.as_str()));
        let near = near.map_or_else(String::new, |it| format!(" (did you mean {it}?)"));
        format!("there is no kind of change `{id}`{near}")
    })
}

impl Catalogue {
    fn new() -> Self {
        let mut it = Self { kinds: Vec::new(), of_schemas: HashMap::new(), by_id: HashMap::new() };
        for other in OTHERS {
            it.by_id.insert(other.id, it.kinds.len());
            let (level, reversed) = other.levels;
            let kind = Kind {
                id: other.id.to_owned(),
                level,
                reversed,
                text: other.text,
                advice: other.advice,
                noun: noun(other.id),
            };
            it.kinds.push(kind);
        }
        for member in MEMBERS {
            let ids = Role::PROPERTIES.into_iter().zip(member.ids);
            for (role, id) in ids.filter(|(_, id)| !id.is_empty()) {
                it.push(
                    role,
                    member.name,
                    id.to_owned(),
                    member.levels,
                    member.text,
                    member.advice,
                );
            }
        }
        for role in Role::ALL {
            for (name, levels, text) in VALUES {
                it.push(role, name, format!("{}-{name}", role.prefix()), *levels, text, "");
            }
        }
        it
    }

    fn push(
        &mut self,
        role: Role,
        name: &'static str,
        id: String,
        levels: Levels,
        text: &'static str,
        advice: &'static str,
    ) {
        let (level, reversed) = match role.direction() {
            Direction::Request => levels,
            Direction::Response => (levels.1, levels.0),
        };
        self.of_schemas.insert((role, name), self.kinds.len());
        self.kinds.push(Kind { id, level, reversed, text, advice, noun: role.noun() });
    }

    /// The name as it lies in the tables.
    fn name(&self, name: &str) -> Option<&'static str> {
        let values = VALUES.iter().map(|(name, ..)| *name);
        values.chain(MEMBERS.iter().map(|it| it.name)).find(|it| *it == name)
    }
}

/// What a kind of change is about, by its id.
fn noun(id: &str) -> &'static str {
    const NOUNS: &[(&str, &str)] = &[
        ("request-parameter", "a parameter"),
        ("new-", "a parameter"),
        ("response-header", "a response header"),
        ("required-response-header", "a response header"),
        ("optional-response-header", "a response header"),
        ("response-media", "a response"),
        ("response-link", "a response"),
        ("response-body", "a response body"),
        ("request-body-media", "the request body"),
        ("schema-not", "a schema"),
        ("api-security-component", "a security scheme"),
        ("api-global", "the service"),
        ("server-", "the service"),
        ("webhook", "a webhook"),
        ("callback", "a callback"),
        ("api-schema", "a schema"),
        ("api-component", "a component"),
    ];
    let found = NOUNS.iter().find(|(prefix, _)| id.starts_with(prefix));
    found.map_or("an operation", |(_, noun)| noun)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_in_kebab_case() {
        let mut seen = HashSet::new();
        for kind in all() {
            assert!(seen.insert(&kind.id), "{} is there twice", kind.id);
            let is_kebab = kind.id.bytes().all(|it| it.is_ascii_lowercase() || it == b'-');
            assert!(is_kebab && !kind.id.contains("--"), "{}", kind.id);
        }
        assert!(all().len() >= 200);
    }

    #[test]
    fn every_kind_says_what_changed() {
        for kind in all() {
            let text = kind.description();
            assert!(!text.contains('{') && text.len() > 8, "{}: {text}", kind.id);
        }
    }

    #[test]
    fn each_bad_kind_says_what_to_do() {
        for kind in all() {
            for direction in [Direction::Request, Direction::Response] {
                let advice = kind.advice(kind.level, direction);
                assert_eq!(advice.is_empty(), kind.level == Level::Safe, "{}", kind.id);
            }
        }
    }
}
