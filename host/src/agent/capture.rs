//! Reads a process's output to its end, keeps the first part of it, counts the rest.

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;

/// What a stream carried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Captured {
    /// The first bytes, up to the limit.
    pub(super) kept: Vec<u8>,
    /// Bytes in all.
    pub(super) bytes: u64,
    /// When the latest of them came.
    pub(super) latest: Option<std::time::Instant>,
}

/// Reads until the end. Everything read so far is in `captured` at every moment, so that a reader can be given up
/// when a process that is not the agent holds the pipe open. Tells `flooded` once when `end_bytes` are exceeded.
pub(super) async fn capture(
    mut stream: impl AsyncRead + Unpin,
    captured: &std::sync::Mutex<Captured>,
    (keep_bytes, end_bytes): (usize, u64),
    flooded: mpsc::Sender<()>,
    printed: Option<super::spawn::Printed>,
) {
    let mut block = vec![0; 64 * 1024];
    let mut told = false;
    while let Ok(read @ 1..) = stream.read(&mut block).await {
        if let Some(printed) = &printed {
            printed(&block[..read]);
        }
        let total = {
            let mut captured = captured.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            captured.bytes += read as u64;
            captured.latest = Some(std::time::Instant::now());
            let room = keep_bytes.saturating_sub(captured.kept.len()).min(read);
            captured.kept.extend_from_slice(&block[..room]);
            captured.bytes
        };
        if total > end_bytes && !told {
            told = true;
            let _ = flooded.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_is_counted_but_not_kept() {
        let captured = std::sync::Mutex::new(Captured::default());
        let (sender, mut receiver) = mpsc::channel(1);
        capture(&[7_u8; 1000][..], &captured, (10, 999), sender, None).await;
        let captured = captured.into_inner().unwrap();
        assert_eq!((captured.kept.len(), captured.bytes), (10, 1000));
        assert_eq!(receiver.recv().await, Some(()));
    }

    #[tokio::test]
    async fn a_flood_is_told_once_and_only_beyond_the_limit() {
        for (end_bytes, told) in [(200_000, 0), (199_999, 1), (7, 1)] {
            let captured = std::sync::Mutex::new(Captured::default());
            let (sender, mut receiver) = mpsc::channel(9);
            capture(&[7_u8; 200_000][..], &captured, (10, end_bytes), sender, None).await;
            let mut times = 0;
            while receiver.recv().await.is_some() {
                times += 1;
            }
            assert_eq!(times, told, "{end_bytes}");
        }
    }
}
