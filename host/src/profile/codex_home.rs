//! What codex finds in its `CODEX_HOME`: a configuration that leads to the server and switches off everything that
//! would reach elsewhere, and a model catalog, so that prompt and tools don't follow the vendor's releases.

use serde_json::json;

use super::Transport;

/// The text of `config.toml`. `catalog` is an absolute path; a `model` named by the scenario replaces it.
pub(super) fn configuration(
    base_url: &str,
    catalog: &str,
    key_variable: &str,
    transport: Transport,
    model: Option<&str>,
) -> String {
    // The catalog is for the model that is no vendor's; what another one is offered, codex knows by itself.
    let catalog_key = match model {
        None => format!("model_catalog_json = {}\n", quoted(catalog)),
        Some(_) => String::new(),
    };
    let websockets = transport == Transport::Websocket;
    format!(
        r#"model = {model}
model_provider = "wassert"
{catalog_key}sandbox_mode = "workspace-write"
approval_policy = "never"
web_search = "disabled"
check_for_update_on_startup = false

[sandbox_workspace_write]
exclude_slash_tmp = true
exclude_tmpdir_env_var = true

[analytics]
enabled = false

[features]
# Plugins would ask github.com and chatgpt.com at every start.
plugins = false
goals = false
shell_snapshot = false
# A refused connection would be retried for ever.
unbounded_connection_retries = false

[agents]
enabled = false

[skills]
bundled = {{ enabled = false }}

[model_providers.wassert]
name = "wassert"
base_url = {base_url}
wire_api = "responses"
env_key = {key_variable}
supports_websockets = {websockets}
request_max_retries = 0
stream_max_retries = 1
stream_idle_timeout_ms = 5000
"#,
        model = quoted(model.unwrap_or("fake-model")),
        base_url = quoted(base_url),
        key_variable = quoted(key_variable),
    )
}

/// The smallest catalog codex accepts, with its patch tool.
pub(super) fn catalog() -> String {
    let efforts = ["low", "medium", "high"].map(|effort| json!({ "effort": effort, "description": effort }));
    json!({ "models": [{
        "slug": "fake-model",
        "display_name": "fake-model",
        "supported_reasoning_levels": efforts,
        "shell_type": "unified_exec",
        "visibility": "list",
        "supported_in_api": true,
        "priority": 1,
        "support_verbosity": true,
        "truncation_policy": { "mode": "tokens", "limit": 10000 },
        "experimental_supported_tools": [],
        "apply_patch_tool_type": "freeform",
        "base_instructions": "You are a test agent.",
    }]})
    .to_string()
}

/// A TOML basic string: JSON's escapes are a subset of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_toml_whatever_the_paths_hold() {
        let text = configuration(
            "http://127.0.0.1:9/v1",
            "/tmp/a \"b\"\\c\n/catalog.json",
            "KEY",
            Transport::Websocket,
            None,
        );
        let own = configuration("http://h/v1", "/c", "KEY", Transport::Http, Some("gpt-5.5"));
        assert!(own.starts_with("model = \"gpt-5.5\"\n") && !own.contains("model_catalog_json"), "{own}");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["model_catalog_json"].as_str(), Some("/tmp/a \"b\"\\c\n/catalog.json"));
        assert_eq!(table["model_providers"]["wassert"]["supports_websockets"].as_bool(), Some(true));
    }
}
