//! What a key holds, in words.

use serde_json::Value as Json;

/// A type as a reader sees it.
#[derive(Debug, Default)]
pub struct Described {
    pub text: String,
    /// The words that may be written, each with what it means.
    pub words: Vec<(String, String)>,
}

/// What a JSON Schema of the language says; `link` gives a link to a record.
pub fn of(schema: &Json, link: impl Fn(&str) -> String + Copy) -> Described {
    let mut described = Described::default();
    described.text = words(schema, link, &mut described.words);
    described
}

fn words(
    schema: &Json,
    link: impl Fn(&str) -> String + Copy,
    meanings: &mut Vec<(String, String)>,
) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return link(reference.rsplit('/').next().unwrap_or_default());
    }
    let title = schema["title"].as_str();
    if let (None, Some(choices)) = (title, schema["anyOf"].as_array()) {
        return match choices.as_slice() {
            [one, many] if many["items"] == *one => {
                format!("{}, or a list of them", words(one, link, meanings))
            }
            choices => {
                let choices: Vec<String> = (choices.iter())
                    .map(|choice| {
                        let what = words(choice, link, meanings);
                        let has_words = choice["enumDescriptions"].is_array();
                        if has_words { "a word".to_owned() } else { what }
                    })
                    .collect();
                choices.join(", or ")
            }
        };
    }
    if schema["items"].is_object() {
        return format!(
            "a list; each entry: {}",
            words(&schema["items"], link, meanings)
        );
    }
    if schema["additionalProperties"].is_object() {
        let key = schema["propertyNames"]["title"].as_str().unwrap_or("text");
        let value = words(&schema["additionalProperties"], link, meanings);
        return format!("a map; each key: {key}; each value: {value}");
    }
    let title = title.unwrap_or("a map");
    let values = || schema["enum"].as_array().into_iter().flatten().map(plain);
    if let Some(descriptions) = schema["enumDescriptions"].as_array() {
        let descriptions = descriptions.iter().map(plain);
        meanings.extend(values().zip(descriptions));
        return title.to_owned();
    }
    let range = range(schema);
    let values: Vec<String> = values()
        .filter(|value| !title.contains(value.as_str()))
        .map(|value| format!("`{value}`"))
        .collect();
    match (range, values.as_slice()) {
        (Some(range), _) => format!("{title}, {range}"),
        (None, []) => title.to_owned(),
        (None, values) => format!("{title}: {}", values.join(", ")),
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// "1 to 4094", for what is not simply the range of a machine's numbers.
fn range(schema: &Json) -> Option<String> {
    let (least, most) = (schema["minimum"].as_u64()?, schema["maximum"].as_u64()?);
    let is_machine = least == 0 && most.checked_add(1).is_none_or(u64::is_power_of_two);
    (!is_machine).then(|| format!("{least} to {most}"))
}
