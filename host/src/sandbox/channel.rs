//! Lines between the supervisor and a worker over one socket, some with a descriptor beside them.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A longer line is none of ours: eight times what all findings of a verdict may take.
const LINE_LIMIT_BYTES: usize = 64 << 20;

/// Descriptors with one line.
const DESCRIPTORS_LIMIT: usize = 1;

/// Read at a time.
const CHUNK_BYTES: usize = 64 << 10;

pub(super) struct Channel {
    socket: UnixStream,
    /// What has come and was not yet read as a line.
    buffer: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
}

impl Channel {
    pub fn new(socket: UnixStream) -> Self {
        Self { socket, buffer: Vec::new(), descriptors: VecDeque::new() }
    }

    pub fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// Sends a value as a line, and descriptors with it.
    pub fn send(&mut self, value: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let mut sent = 0;
        if !descriptors.is_empty() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_LIMIT))];
            let mut beside = SendAncillaryBuffer::new(&mut space);
            if !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
                return Err(io::Error::other("too many descriptors"));
            }
            sent = sendmsg(self.socket.as_fd(), &[IoSlice::new(&line)], &mut beside, SendFlags::NOSIGNAL)?;
        }
        self.socket.write_all(&line[sent..])
    }

    /// The next line as a value; none when the other side has ended between two lines.
    pub fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let end = searched + end;
                let value = serde_json::from_slice(&self.buffer[..end])?;
                self.buffer.drain(..=end);
                return Ok(Some(value));
            }
            searched = self.buffer.len();
            if searched > LINE_LIMIT_BYTES {
                return Err(io::Error::other("a line is too long"));
            }
            if self.receive_some()? == 0 {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    /// The oldest descriptor that has come.
    pub fn descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    fn receive_some(&mut self) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_LIMIT))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let before = self.buffer.len();
        self.buffer.resize(before + CHUNK_BYTES, 0);
        let received = loop {
            let mut into = [IoSliceMut::new(&mut self.buffer[before..])];
            match recvmsg(self.socket.as_fd(), &mut into, &mut beside, RecvFlags::CMSG_CLOEXEC) {
                Err(error) if error == rustix::io::Errno::INTR => {}
                received => break received,
            }
        };
        let bytes = received.as_ref().map_or(0, |received| received.bytes);
        self.buffer.truncate(before + bytes);
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        received?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::*;

    #[test]
    fn lines_and_descriptors_arrive_in_order() {
        let (left, right) = UnixStream::pair().unwrap();
        let (mut left, mut right) = (Channel::new(left), Channel::new(right));
        let long = "x".repeat(3 * CHUNK_BYTES);
        let text = long.clone();
        let sender = std::thread::spawn(move || {
            for number in 0..2 {
                let mut file = tempfile::tempfile().unwrap();
                write!(file, "{number}").unwrap();
                left.send(&number, &[file.as_fd()]).unwrap();
            }
            left.send(&text, &[]).unwrap();
        });
        for number in 0..2 {
            assert_eq!(right.receive::<i32>().unwrap(), Some(number));
        }
        assert_eq!(right.receive::<String>().unwrap(), Some(long));
        for number in 0..2 {
            let mut file = std::fs::File::from(right.descriptor().unwrap());
            let mut text = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, number.to_string());
        }
        sender.join().unwrap();
        assert_eq!(right.receive::<i32>().unwrap(), None);
    }

    #[test]
    fn half_a_line_is_an_error() {
        let (mut left, right) = UnixStream::pair().unwrap();
        left.write_all(b"12").unwrap();
        drop(left);
        let error = Channel::new(right).receive::<i32>().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
