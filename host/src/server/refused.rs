//! Connections that a limit ends before there is a request: what the peer is told, so that it does not look like a
//! server that is gone.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::wire::Socket;

/// How long a peer may take for the few bytes, and to leave.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells the peer why, and closes.
pub(super) async fn refuse(mut socket: Socket, code: &str, message: &str) {
    let body =
        json!({ "error": { "type": "invalid_request_error", "code": code, "message": message } }).to_string();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let told = async {
        if socket.write_all(answer.as_bytes()).await.is_ok() {
            socket.end_sending();
            // What the peer has sent is taken, else the kernel resets the connection and the peer may lose the answer.
            let mut block = [0; 4096];
            while matches!(socket.read(&mut block).await, Ok(1..)) {}
        }
    };
    let _ = tokio::time::timeout(PATIENCE, told).await;
    socket.close();
}
