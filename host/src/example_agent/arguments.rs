//! The command line of the agent, parsed by hand so that start-up stays quick. Reads no environment.

use std::time::Duration;

use thiserror::Error;

/// How it speaks to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Http,
    Websocket,
}

/// In which protocol it speaks to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Responses,
    Chat,
    Messages,
    Gemini,
}

/// How often and how soon a failed model step is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retries {
    /// Attempts of one step after the first.
    pub max: u32,
    /// Pause before each, where the server asks for no other.
    pub delay: Duration,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    pub json: bool,
    pub base_url: Option<String>,
    pub protocol: Protocol,
    pub transport: Transport,
    pub model: String,
    pub retries: Retries,
    pub idle_timeout: Duration,
    pub resume: Option<String>,
    pub prompt: String,
}

const SYNTAX: &str = "exec [--json] [--base-url URL] [--protocol responses|chat|messages|gemini] \
    [--transport http|websocket] [--model NAME] \
    [--max-retries N] [--retry-delay-ms N] [--idle-timeout-ms N] [resume SESSION_ID] PROMPT";

/// Why a command line was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum ArgumentsError {
    #[error("wrong arguments; usage: {SYNTAX}")]
    Shape,
    #[error("unknown option {0:?}; usage: {SYNTAX}")]
    UnknownOption(String),
    #[error("only the protocol responses has a websocket")]
    NoWebsocket,
    #[error("option {0} needs a value")]
    NoValue(String),
    #[error("option {option} cannot be {value:?}")]
    BadValue { option: String, value: String },
}

impl Arguments {
    /// Parses the arguments after `example-agent`. After `--` nothing is an option.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, ArgumentsError> {
        let mut rest = arguments.iter();
        if rest.next().map(String::as_str) != Some("exec") {
            return Err(ArgumentsError::Shape);
        }
        let mut parsed = Self {
            json: false,
            base_url: None,
            protocol: Protocol::Responses,
            transport: Transport::Http,
            model: "example-model".to_owned(),
            retries: Retries { max: 1, delay: Duration::from_millis(20) },
            idle_timeout: Duration::from_secs(30),
            resume: None,
            prompt: String::new(),
        };
        let mut words = Vec::new();
        while let Some(argument) = rest.next() {
            if !argument.starts_with("--") {
                words.push(argument.clone());
                continue;
            }
            if argument == "--" {
                words.extend(rest.by_ref().cloned());
                break;
            }
            if argument == "--json" {
                parsed.json = true;
                continue;
            }
            let mut value = || rest.next().ok_or_else(|| ArgumentsError::NoValue(argument.clone()));
            match argument.as_str() {
                "--base-url" => parsed.base_url = Some(value()?.clone()),
                "--model" => parsed.model = value()?.clone(),
                "--protocol" => parsed.protocol = protocol(argument, value()?)?,
                "--transport" => parsed.transport = transport(argument, value()?)?,
                "--max-retries" => parsed.retries.max = number(argument, value()?)?,
                "--retry-delay-ms" => parsed.retries.delay = milliseconds(argument, value()?)?,
                "--idle-timeout-ms" => parsed.idle_timeout = milliseconds(argument, value()?)?,
                _ => return Err(ArgumentsError::UnknownOption(argument.clone())),
            }
        }
        if parsed.transport == Transport::Websocket && parsed.protocol != Protocol::Responses {
            return Err(ArgumentsError::NoWebsocket);
        }
        match <[String; 1]>::try_from(words) {
            Ok([prompt]) => parsed.prompt = prompt,
            Err(words) => match <[String; 3]>::try_from(words) {
                Ok([word, session, prompt]) if word == "resume" => {
                    parsed.resume = Some(session);
                    parsed.prompt = prompt;
                }
                _ => return Err(ArgumentsError::Shape),
            },
        }
        Ok(parsed)
    }
}

fn protocol(option: &str, value: &str) -> Result<Protocol, ArgumentsError> {
    match value {
        "responses" => Ok(Protocol::Responses),
        "chat" => Ok(Protocol::Chat),
        "messages" => Ok(Protocol::Messages),
        "gemini" => Ok(Protocol::Gemini),
        _ => Err(bad_value(option, value)),
    }
}

fn transport(option: &str, value: &str) -> Result<Transport, ArgumentsError> {
    match value {
        "http" => Ok(Transport::Http),
        "websocket" => Ok(Transport::Websocket),
        _ => Err(bad_value(option, value)),
    }
}

fn number(option: &str, value: &str) -> Result<u32, ArgumentsError> {
    value.parse().map_err(|_| bad_value(option, value))
}

/// Zero would mean "no limit" to a socket, so at least one.
fn milliseconds(option: &str, value: &str) -> Result<Duration, ArgumentsError> {
    Ok(Duration::from_millis(u64::from(number(option, value)?.max(1))))
}

fn bad_value(option: &str, value: &str) -> ArgumentsError {
    ArgumentsError::BadValue { option: option.to_owned(), value: value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, ArgumentsError> {
        Arguments::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_may_stand_anywhere_before_the_prompt() {
        let parsed = parse(&[
            "exec",
            "--json",
            "--transport",
            "websocket",
            "resume",
            "ab-1",
            "--max-retries",
            "3",
            "go on",
        ])
        .unwrap();
        assert_eq!(parsed.transport, Transport::Websocket);
        assert_eq!(parsed.retries.max, 3);
        assert_eq!((parsed.resume.as_deref(), parsed.prompt.as_str()), (Some("ab-1"), "go on"));
    }

    #[test]
    fn a_prompt_that_looks_like_an_option_follows_two_dashes() {
        assert_eq!(parse(&["exec", "--", "--json"]).unwrap().prompt, "--json");
        assert_eq!(parse(&["exec", "resume"]).unwrap().prompt, "resume");
    }

    #[test]
    fn wrong_usage_is_named() {
        assert_eq!(parse(&["exec"]), Err(ArgumentsError::Shape));
        assert_eq!(parse(&["exec", "a", "b"]), Err(ArgumentsError::Shape));
        assert_eq!(
            parse(&["exec", "--modell", "x", "p"]),
            Err(ArgumentsError::UnknownOption("--modell".into()))
        );
        let mixed = ["exec", "--protocol", "chat", "--transport", "websocket", "p"];
        assert_eq!(parse(&mixed), Err(ArgumentsError::NoWebsocket));
        assert_eq!(parse(&["exec", "p", "--model"]), Err(ArgumentsError::NoValue("--model".into())));
        assert!(matches!(parse(&["exec", "--max-retries", "-1", "p"]), Err(ArgumentsError::BadValue { .. })));
    }
}
