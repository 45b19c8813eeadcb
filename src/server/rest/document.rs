//! The document of OpenAPI 3.1: what stands at the routes, and what attributes cannot say.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::described::described;
use crate::base::limits::DURATION_MS_MAX;

/// Base64 (RFC 4648, section 4) as it is read: with its padding, and nothing in the bits that
/// are left over.
const BASE64: &str =
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// Durations as they are read, up to somewhat less than the longest.
pub(super) const DURATION: &str =
    "^([0-9]{1,12}ms|[0-9]{1,9}s?|[0-9]{1,7}m|[0-9]{1,5}h|[0-9]{1,4}d)$";

/// What parameters look like that several routes have.
const PATTERNS: [(&str, &str); 6] = [
    ("ttl", DURATION),
    ("delete_in", DURATION),
    ("expire_in", DURATION),
    ("ago", DURATION),
    // Nothing is done in no time.
    ("timeout", "^0*[1-9][0-9]{0,3}(ms|s|m|h|d)?$"),
    // Any name, and a number of 64 bits.
    ("fence", "[^@]@[0-9]{1,19}$"),
];

/// What any route may answer beside what stands there.
const REFUSALS: [(&str, &str); 14] = [
    (
        "400",
        "The request is wrong: the message says what, and what would be right",
    ),
    ("403", "It may not be done"),
    (
        "404",
        "It is not there, or there is no such shard or bucket",
    ),
    ("406", "No form that was asked for is known"),
    ("408", "The body did not come in time: nothing was done"),
    ("409", "What is there contradicts it: nothing was done"),
    ("413", "It is too large"),
    ("415", "The Content-Type is not one that is read here"),
    ("421", "A node on loopback was asked for under another name"),
    ("429", "Too much is under way: ask again later"),
    (
        "500",
        "A defect of dkv, or damaged data: see the log of the node",
    ),
    (
        "503",
        "It cannot be done now: nothing was done, ask again or another node",
    ),
    (
        "504",
        "No outcome in time, so it is unknown: repeat it with the same Idempotency-Key",
    ),
    ("507", "There is no room to keep more"),
];

/// What is refused before a route sees it, without a body.
const TOO_LONG: [(&str, &str); 2] = [
    ("414", "Path and query are longer than 64 KiB"),
    ("431", "The headers are too long, or too many"),
];

/// The document as text.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut document = serde_json::to_value(described()).expect("a document is JSON");
    complete(&mut document);
    let text = serde_json::to_string_pretty(&document).expect("it is JSON");
    text + "\n"
});

/// The description of the REST interface as a document of OpenAPI 3.1.
pub fn openapi() -> &'static str {
    &DOCUMENT
}

fn complete(document: &mut Value) {
    visit(document, &mut widen);
    let schemas = document["components"]["schemas"].as_object_mut();
    let schemas = schemas.expect("there are schemas");
    inline_variants(schemas);
    for schema in schemas.values_mut() {
        visit(schema, &mut choose_one);
    }
    schemas["KeyForm"]["oneOf"][0]["minLength"] = 1.into();
    tell_writes_apart(&mut schemas["GuardedForm"]);
    let paths = document["paths"].as_object_mut().expect("there are paths");
    for operations in paths.values_mut() {
        let operations = operations.as_object_mut().expect("a path has operations");
        for operation in operations.values_mut() {
            complete_operation(operation);
        }
    }
}

/// Numbers that are never negative have 64 bits, which a format of signed ones would halve.
fn widen(schema: &mut Value) {
    if !schema.is_object() {
        return;
    }
    let is_natural =
        schema.get("minimum") == Some(&json!(0)) && schema.get("format") == Some(&json!("int64"));
    if is_natural && schema.get("maximum").is_none() {
        schema["format"] = "uint64".into();
        schema["maximum"] = u64::MAX.into();
    }
}

fn complete_operation(operation: &mut Value) {
    let body = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}});
    for (status, description) in REFUSALS {
        if operation["responses"].get(status).is_none() {
            let refusal = json!({"description": description, "content": body});
            operation["responses"][status] = refusal;
        }
    }
    for (status, description) in TOO_LONG {
        operation["responses"][status] = json!({ "description": description });
    }
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        // What is not given is left out.
        let kind = &mut parameter["schema"]["type"];
        if let Some(kinds) = kind.as_array() {
            *kind = kinds[0].clone();
        }
        let mut patterns = PATTERNS.iter();
        if let Some((_, pattern)) = patterns.find(|(name, _)| parameter["name"] == *name) {
            parameter["schema"]["pattern"] = (*pattern).into();
        }
    }
}

/// A form with a tag is the form's own fields and the tag: as two schemas that exclude each
/// other's fields, nothing would fit.
fn inline_variants(schemas: &mut Map<String, Value>) {
    let known = schemas.clone();
    for schema in schemas.values_mut() {
        let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for variant in variants.into_iter().flatten() {
            let parts = variant.get("allOf").and_then(Value::as_array);
            let Some([form, tag]) = parts.map(Vec::as_slice) else {
                continue;
            };
            let Some(name) = form["$ref"].as_str().and_then(|it| it.rsplit('/').next()) else {
                continue;
            };
            let mut whole = known[name].clone();
            merge(&mut whole["properties"], &tag["properties"]);
            let mut required = whole["required"].as_array().cloned().unwrap_or_default();
            required.extend(tag["required"].as_array().cloned().unwrap_or_default());
            whole["required"] = required.into();
            whole["description"] = variant["description"].clone();
            *variant = whole;
        }
    }
}

fn merge(into: &mut Value, from: &Value) {
    if let Some(from) = from.as_object() {
        for (name, value) in from {
            into[name] = value.clone();
        }
    }
}

/// Calls `change` with a schema and all schemas in it.
fn visit(schema: &mut Value, change: &mut impl FnMut(&mut Value)) {
    change(schema);
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(|it| visit(it, change)),
        Value::Array(items) => items.iter_mut().for_each(|it| visit(it, change)),
        _ => {}
    }
}

/// Of a field in a request and its form in base64, one is given.
fn choose_one(schema: &mut Value) {
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return;
    }
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let is_encoded = |name: &&String| name.ends_with("_b64");
    let encoded: Vec<String> = fields.keys().filter(is_encoded).cloned().collect();
    for name in &encoded {
        fields[name]["pattern"] = BASE64.into();
        if name == "key_b64" {
            // No key is empty.
            fields[name]["minLength"] = 4.into();
        }
    }
    if fields.contains_key("ttl_seconds") {
        fields["ttl_seconds"]["maximum"] = (DURATION_MS_MAX / 1_000).into();
    }
    let of_prefix = fields.contains_key("prefix");
    let mut choices = Vec::new();
    for name in &encoded {
        let plain = name.trim_end_matches("_b64");
        if !fields.contains_key(plain) {
            continue;
        }
        let mut ways = vec![given(plain), given(name)];
        if of_prefix && plain == "key" {
            ways.push(given("prefix"));
        }
        choices.push(json!({ "oneOf": ways }));
    }
    if !choices.is_empty() {
        schema["allOf"] = choices.into();
    }
}

/// Of the operations that have their conditions with them only a `put` has a value.
fn tell_writes_apart(form: &mut Value) {
    let nothing = json!({"type": "null"});
    let put = json!({
        "properties": {"type": {"enum": ["put", "set"]}},
        "oneOf": [given("value"), given("value_b64")],
    });
    let delete = json!({"properties": {
        "type": {"enum": ["delete"]}, "value": nothing, "value_b64": nothing, "ttl_seconds": nothing,
    }});
    form["allOf"] = json!([
        {"oneOf": [given("key"), given("key_b64")]},
        {"oneOf": [put, delete]},
    ]);
}

fn given(name: &str) -> Value {
    json!({"required": [name], "properties": {name: {"type": "string"}}})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(&DOCUMENT).unwrap()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = document();
        let mut names = BTreeSet::new();
        for operations in document["paths"].as_object().unwrap().values() {
            for operation in operations.as_object().unwrap().values() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} is there twice");
                assert!(operation["tags"][0].is_string(), "{name} is in no chapter");
            }
        }
    }

    #[test]
    fn a_form_with_a_tag_can_be_fulfilled() {
        let set = &document()["components"]["schemas"]["OpForm"]["oneOf"][0];
        assert_eq!(set["properties"]["op"]["enum"], json!(["set"]));
        assert!(set["properties"]["value_b64"].is_object());
        assert_eq!(set["required"], json!(["op"]));
        assert_eq!(set["allOf"].as_array().unwrap().len(), 2, "key and value");
    }

    #[test]
    fn no_reference_leads_nowhere() {
        let mut document = document();
        let schemas = document["components"]["schemas"].clone();
        visit(&mut document, &mut |it| {
            if let Some(reference) = it.get("$ref").and_then(Value::as_str) {
                let name = reference.rsplit('/').next().unwrap();
                assert!(schemas.get(name).is_some(), "{reference}");
            }
        });
    }
}
