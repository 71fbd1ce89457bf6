//! The rules, with their levels and reasons.

use std::collections::BTreeMap;

use findings::Severity::{self, Info, Major, Minor};
use landfall_toml::{Level, nearest};
use step_core::Fail;

use crate::validate::Listed;

macro_rules! rules {
    ($($name:ident $id:literal $level:expr, $why:literal, $help:literal;)*) => {
        /// A rule of `lint`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Rule { $($name),* }

        /// All rules, in the order of their declaration.
        const RULES: &[(Rule, Facts)] = &[
            $((Rule::$name, Facts { id: $id, level: $level, why: $why, help: $help })),*
        ];
    };
}

/// What is known of a rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) id: &'static str,
    /// How bad it is what it finds; nothing: off by default.
    level: Option<Severity>,
    pub(crate) why: &'static str,
    pub(crate) help: &'static str,
}

const OFF: Option<Severity> = None;

rules! {
    Invalid "invalid" Some(Major),
        "what the specification does not allow is read by each tool in its own way",
        "run gen-openapi validate, which tells all of it";
    IgnoreUnused "ignore-unused" Some(Info),
        "an accepted finding that is gone hides the next one at its place",
        "take the line out";

    InfoDescription "info-description" Some(Minor),
        "a reader has to learn what the service is for",
        "say in info.description what it does and for whom";
    InfoContact "info-contact" Some(Info),
        "a reader has to know whom to ask",
        "name a team or an address in info.contact";
    InfoLicense "info-license" Some(Info),
        "without it nobody knows whether the description may be passed on",
        "name the licence in info.license";
    ServersMissing "servers-missing" Some(Minor),
        "without servers, clients call the address that the description was loaded from",
        "list the URLs at which the service is reached in `servers`";
    ServerInsecure "server-insecure" Some(Minor),
        "what is sent over http:// can be read and changed on the way",
        "write https://";
    ServerLocal "server-local" Some(Minor),
        "nobody else reaches the machine on which the description was made",
        "write the address that callers use, or a relative one";
    ServerTrailingSlash "server-trailing-slash" Some(Minor),
        "paths begin with a slash: together they make two of them",
        "take the slash at the end out";
    TagUndeclared "tag-undeclared" Some(Minor),
        "a tag that the list does not have is mostly a slip of the pen, and has no description",
        "add it to `tags` of the description, or mend the name";
    TagDescription "tag-description" OFF,
        "the name alone says little about what a group of operations is for",
        "describe the tag";

    PathTrailingSlash "path-trailing-slash" Some(Minor),
        "with and without it are two addresses, of which callers will try the wrong one",
        "take the slash at the end out";
    PathQuery "path-query" Some(Major),
        "a path has no query string: tools encode the question mark, and nothing is found",
        "describe what comes after it as query parameters";
    PathKebabCase "path-kebab-case" OFF,
        "addresses that are written alike are guessed more easily",
        "write words in lower case, with hyphens between them";
    PathAmbiguous "path-ambiguous" Some(Info),
        "one request fits two paths, and not every router takes the same",
        "make the paths differ in a part that is no parameter";

    OperationIdMissing "operation-id-missing" Some(Minor),
        "clients that are generated name their functions by it",
        "give it an operationId";
    OperationIdFormat "operation-id-format" Some(Minor),
        "generators make a name of it, and each replaces other characters",
        "begin with a letter, and use letters, digits, `_`, `-` and `.`";
    OperationSummary "operation-summary" Some(Minor),
        "lists of operations show it",
        "say in a few words what it does";
    OperationDescription "operation-description" OFF,
        "a summary has no place for what a caller has to heed",
        "describe what it does, and when it fails";
    OperationTags "operation-tags" Some(Info),
        "documentation and clients group operations by their tags",
        "give it a tag";
    OperationSuccess "operation-success" Some(Minor),
        "callers do not learn what they get when it works",
        "describe a response of 2XX or 3XX";
    OperationError "operation-error" Some(Minor),
        "callers do not learn what they get when they did something wrong",
        "describe a response of 4XX, or default";
    RequestBodyMethod "request-body-method" Some(Minor),
        "bodies of GET, HEAD and DELETE have no meaning, and proxies drop them (RFC 9110, 9.3)",
        "use parameters, or another method";
    ParameterIgnored "parameter-ignored" Some(Minor),
        "header parameters of the names Accept, Content-Type and Authorization mean nothing",
        "describe media types in `content`, and authorization in `security`";
    ParameterDescription "parameter-description" OFF,
        "the name alone says little about what a value does",
        "describe it";
    ResponseExample "response-example" OFF,
        "an example is what readers look at first",
        "add an example to the media type";
    Deprecated "deprecated-unexplained" Some(Info),
        "who uses it has to know what to use instead, and until when",
        "say it in the description, or the date in x-sunset";
    ComponentUnused "component-unused" Some(Minor),
        "what nothing points to is mostly forgotten",
        "take it out, or point to it";

    DescriptionEmpty "description-empty" Some(Minor),
        "an empty text looks like one that is there",
        "write it, or leave it out";
    MarkdownScript "markdown-script" Some(Major),
        "pages that show the text may run it",
        "take the script out";
    Todo "todo" Some(Info),
        "it tells readers that something is not done",
        "do it, or keep the note elsewhere";

    TypeMissing "type-missing" Some(Minor),
        "keywords for one type do nothing with values of the others: all of these are allowed",
        "write the `type`";
    EnumType "enum-type" Some(Major),
        "a value of another type can never be sent",
        "mend the value, or the type";
    EnumDuplicate "enum-duplicate" Some(Minor),
        "generators make two members of one name, which does not compile",
        "take one out";
    EnumEmpty "enum-empty" Some(Major),
        "nothing fits it",
        "leave it out, or add values";
    DefaultMismatch "default-mismatch" Some(Major),
        "who leaves the value out gets one that is not allowed",
        "mend the default, or the schema";
    ExampleMismatch "example-mismatch" Some(Minor),
        "readers and mock servers take examples at their word",
        "mend the example, or the schema";
    Contradiction "contradiction" Some(Major),
        "nothing fits both",
        "mend one of them";
    RequiredUndeclared "required-undeclared" Some(Major),
        "a property that has to be there and must not be there: nothing fits",
        "add it to `properties`, or take it out of `required`";
    ReadOnlyRequired "read-only-required" Some(Info),
        "some tools ask callers for it although they must not send it",
        "leave it out of `required`, or use another schema for requests";
    ReferenceSiblings "reference-siblings" Some(Minor),
        "what stands beside a reference is ignored",
        "put both into an `allOf`, or change what it points to";
    NullableWithoutType "nullable-without-type" Some(Minor),
        "`nullable` does nothing where no `type` stands beside it",
        "write the type, or take `nullable` out";
    NullableIgnored "nullable-ignored" Some(Major),
        "from OpenAPI 3.1 on `nullable` means nothing: null is refused",
        "write the type as an array with \"null\"";
    ExampleDeprecated "example-deprecated" Some(Info),
        "from OpenAPI 3.1 on `example` of a schema is deprecated",
        "write `examples` with an array";
    ArrayItems "array-items" Some(Minor),
        "without `items` the array may hold anything",
        "say what its items are";
    ArrayMaxItems "array-max-items" OFF,
        "an array without an end may take all memory",
        "write `maxItems`";
    NumberBounds "number-bounds" OFF,
        "a number without bounds overflows somewhere",
        "write `minimum` and `maximum`";
    StringMaxLength "string-max-length" OFF,
        "a string without an end may take all memory",
        "write `maxLength`, `enum` or a `format`";
    IntegerFormatBounds "integer-format-bounds" Some(Minor),
        "a bound outside of what the format holds can never be reached",
        "write a bound that fits, or another format";
    PropertyDescription "property-description" OFF,
        "the name alone says little about what a value means",
        "describe it";
    PropertyCase "property-case" OFF,
        "names that are written alike are guessed more easily",
        "write all names of the schema as most are written";
    SchemaEndless "schema-endless" Some(Major),
        "a schema that is one of its own alternatives never ends",
        "take the reference out of `oneOf` or `anyOf`";
    DiscriminatorOptional "discriminator-optional" Some(Minor),
        "without the property nobody knows which schema is meant",
        "add it to `required`";

    SecurityMissing "security-missing" Some(Minor),
        "anybody may change data",
        "write `security`; if it is meant to be open, write `security: []` at the operation";
    SecurityBasicHttp "security-basic-http" Some(Major),
        "passwords are readable on the way over http://",
        "offer https:// alone, or another scheme";
    SecurityKeyQuery "security-key-query" Some(Major),
        "addresses with their keys stand in logs and histories",
        "send the key in a header";
    SecurityImplicit "security-implicit" Some(Minor),
        "the implicit flow hands out tokens in addresses (RFC 9700, 2.1.2)",
        "use the flow authorizationCode";
}

impl Rule {
    pub(crate) fn facts(self) -> &'static Facts {
        &RULES[self as usize].1
    }

    /// The name.
    pub(crate) fn id(self) -> &'static str {
        self.facts().id
    }
}

/// How bad it is what each rule finds.
#[derive(Debug)]
pub(crate) struct Levels(Vec<Option<Severity>>);

impl Levels {
    /// The defaults, and what landfall.toml says.
    ///
    /// # Errors
    /// Exit 2: there is no rule of such a name.
    pub(crate) fn new(configured: &BTreeMap<String, Level>) -> Result<Self, Fail> {
        let mut levels: Vec<_> = RULES.iter().map(|(_, facts)| facts.level).collect();
        for (name, level) in configured {
            let rule = named(name).map_err(|near| {
                Fail::invalid(format!(
                    "landfall.toml: gen-openapi.lint.rules: there is no rule `{name}`{near}"
                ))
                .help("gen-openapi lint --list names them")
            })?;
            levels[rule as usize] = Severity::of_level(*level);
        }
        Ok(Self(levels))
    }

    /// How bad it is what a rule finds; nothing: it is off.
    pub(crate) fn level(&self, rule: Rule) -> Option<Severity> {
        self.0[rule as usize]
    }

    /// All rules.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let listed = |(rule, facts): &(Rule, Facts)| Listed {
            rule: facts.id,
            level: self.level(*rule),
            why: facts.why,
            help: facts.help,
        };
        RULES.iter().map(listed).collect()
    }
}

/// The rule of a name, if there is one.
pub(crate) fn find(name: &str) -> Option<Rule> {
    RULES.iter().find(|(_, facts)| facts.id == name).map(|(rule, _)| *rule)
}

/// The rule of a name.
///
/// # Errors
/// There is none; the rest of the sentence says which was probably meant.
pub(crate) fn named(name: &str) -> Result<Rule, String> {
    find(name).ok_or_else(|| {
        let near = (name.len() <= 60).then(|| nearest(name, RULES.iter().map(|(_, it)| it.id)));
        near.flatten().map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
    })
}

#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = Rule> {
    RULES.iter().map(|(rule, _)| *rule)
}

#[cfg(test)]
impl Levels {
    /// One rule alone.
    pub(super) fn only(rule: Rule) -> Self {
        Self(RULES.iter().map(|(it, _)| (*it == rule).then_some(Severity::Major)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_order_of_the_rules_and_says_all_of_them() {
        for (index, (rule, facts)) in RULES.iter().enumerate() {
            assert_eq!(*rule as usize, index);
            assert!(!facts.why.is_empty() && !facts.help.is_empty());
            assert_eq!(RULES.iter().filter(|(_, it)| it.id == facts.id).count(), 1);
            assert_eq!(named(facts.id), Ok(*rule));
        }
    }

    #[test]
    fn levels_are_those_of_landfall_toml_and_unknown_rules_an_error() {
        let of = |name: &str, level| Levels::new(&[(name.to_owned(), level)].into());
        assert_eq!(of("todo", Level::Off).unwrap().level(Rule::Todo), None);
        assert_eq!(of("todo", Level::Blocker).unwrap().level(Rule::Todo), Some(Severity::Blocker));
        assert_eq!(of("todo", Level::Off).unwrap().level(Rule::PathQuery), Some(Severity::Major));
        let message = of("toddo", Level::Off).unwrap_err().to_string();
        assert_eq!(
            message,
            "landfall.toml: gen-openapi.lint.rules: there is no rule `toddo`; did you mean `todo`?"
        );
    }
}
