//! The gate `drained` at every level of isolation: what comes after it is sent when the client has read what came before.

use crate::harness::{Project, result};

/// Asks, reads nothing for longer than anything could be guessed, and then takes with one read all that is there.
const CLIENT: &str = r#"#!/bin/bash
url=${WASSERT_BASE_URL#http://}; address=${url%%/*}; path=/${url#*/}
exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
body='{"model":"m","stream":true,"input":[{"role":"user","content":"go"}]}'
printf 'POST %s/responses HTTP/1.1\r\nhost: x\r\ncontent-length: %s\r\n\r\n%s' "$path" "${#body}" "$body" >&3
sleep 0.5
echo "first: $(dd bs=65536 count=1 <&3 2>/dev/null | grep -c 'event: response.')"
while read -r line <&3; do
    case $line in *response.completed*) echo completed; exit;; esac
done
"#;

const SCENARIO: &str = r#"
summary = "A reply is held until what was sent has been read."
agents  = ["raw"]
[agent.raw]
extends  = "command"
protocol = "responses"
[[turn]]
prompt = "go"
[[step]]
text = "hello"
wire = [{ frame = 4, hold = { drained = true } }]
[[assert]]
use = "std/exit"
with = { code = 0 }
"#;

#[test]
fn nothing_more_is_sent_while_the_client_has_not_read() {
    for level in ["full", "group"] {
        let project = Project::new();
        let client = project.program("client.sh", CLIENT);
        project.write("scenarios/held.toml", SCENARIO);
        let client = format!("raw={}", client.display());
        let (code, results) = project.run_json(&["--isolation", level, "--agent-bin", &client]);
        let document = project.document(result(&results, "held"));
        let said = document["stdout"][0]["text"].as_str().unwrap_or_default();
        // Three frames lie before the gate, and `completed` after it.
        assert_eq!((code, said), (0, "first: 3\ncompleted\n"), "{level}: {:?}", document["stderr"]);
    }
}
