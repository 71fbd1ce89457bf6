//! Templates of paths and servers, and runtime expressions.

/// The names in the braces of a template, in their order.
///
/// # Errors
/// Says why it is no template.
pub(crate) fn variables(template: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        if rest.as_bytes()[at] == b'}' {
            return Err("a `}` has no `{` before it".to_owned());
        }
        let inside = &rest[at + 1..];
        let name = match inside.find(['{', '}']) {
            Some(end) if inside.as_bytes()[end] == b'}' => &inside[..end],
            _ => return Err("a `{` is not closed".to_owned()),
        };
        if name.is_empty() {
            return Err("`{}` has no name".to_owned());
        }
        names.push(name);
        rest = &inside[name.len() + 1..];
    }
    Ok(names)
}

/// What names of headers and methods are made of: RFC 9110, 5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a text is a runtime expression:
/// <https://spec.openapis.org/oas/v3.1.2#runtime-expressions>
pub(super) fn is_runtime(text: &str) -> bool {
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
    if matches!(text, "$url" | "$method" | "$statusCode") {
        return true;
    }
    let source = text.strip_prefix("$request.").or_else(|| text.strip_prefix("$response."));
    let Some(source) = source else { return false };
    match source.split_once('.') {
        Some(("header", name)) => is_token(name),
        Some(("query" | "path", name)) => !name.is_empty(),
        _ => match source.strip_prefix("body") {
            Some("") => true,
            Some(rest) => rest == "#" || rest.starts_with("#/"),
            None => false,
        },
    }
}

/// Why the key of a callback is no URL with runtime expressions.
pub(super) fn callback_error(key: &str) -> Option<String> {
    if key.starts_with('$') {
        return (!is_runtime(key)).then(|| "it is no runtime expression".to_owned());
    }
    match variables(key) {
        Ok(names) => {
            let wrong = names.into_iter().find(|name| !is_runtime(name))?;
            Some(format!("`{}` is no runtime expression", super::shown(wrong)))
        }
        Err(why) => Some(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_name_their_variables() {
        assert_eq!(variables("/a/{b}/{c}.json"), Ok(vec!["b", "c"]));
        assert_eq!(variables("/a"), Ok(vec![]));
        for wrong in ["/{", "/}", "/{a", "/{}", "/{a{b}}", "/{a}}"] {
            assert!(variables(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn runtime_expressions_are_told_from_other_texts() {
        for right in [
            "$url",
            "$method",
            "$statusCode",
            "$request.header.X-Id",
            "$request.query.url",
            "$request.path.a b",
            "$request.body",
            "$request.body#/a/b",
            "$response.body#",
        ] {
            assert!(is_runtime(right), "{right}");
        }
        for wrong in
            ["url", "$uri", "$request", "$request.header.", "$request.body/a", "$request.url"]
        {
            assert!(!is_runtime(wrong), "{wrong}");
        }
        assert_eq!(callback_error("http://x/{$request.body#/id}?a={$url}"), None);
        assert_eq!(callback_error("$request.query.url"), None);
        assert!(callback_error("{$request.boddy}").is_some());
        assert!(callback_error("http://x/{id}").is_some());
    }
}
