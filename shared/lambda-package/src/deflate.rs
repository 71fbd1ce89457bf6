//! Files, deflated in blocks that several threads can do at once.
//!
//! A block is deflated with the 32 KiB before it as its dictionary and ends on the border of a byte, so that the
//! blocks of a file, one after the other, are one stream. From RFC 1951 and the way of pigz,
//! <https://zlib.net/pigz/>.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use zlib_rs::crc32::crc32;
use zlib_rs::{Deflate, DeflateError, DeflateFlush, Status};

/// In bytes. The zip's bytes depend on it.
pub(crate) const BLOCK: u64 = 256 * 1024;

/// How far a match reaches back, in bytes.
const WINDOW: u64 = 32 * 1024;
const WINDOW_BITS: u8 = 15;

/// 6 is as strong as zip's and twice as quick. The zip's bytes depend on it.
const LEVEL: i32 = 6;

/// A part of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    /// The file.
    pub(crate) source: &'a Path,
    /// The file's size, in bytes.
    pub(crate) size: u64,
    /// Where the block begins in the file.
    pub(crate) start: u64,
}

impl<'a> Block<'a> {
    /// All blocks of a file; none of an empty one.
    pub(crate) fn all(source: &'a Path, size: u64) -> impl Iterator<Item = Self> {
        (0..size.div_ceil(BLOCK)).map(move |number| Self { source, size, start: number * BLOCK })
    }

    pub(crate) fn is_first(&self) -> bool {
        self.start == 0
    }

    pub(crate) fn is_last(&self) -> bool {
        self.end() == self.size
    }

    pub(crate) fn length(&self) -> u64 {
        self.end() - self.start
    }

    fn end(&self) -> u64 {
        (self.start + BLOCK).min(self.size)
    }
}

/// A block, deflated.
#[derive(Debug)]
pub(crate) struct Deflated {
    /// The CRC-32 of what was deflated.
    pub(crate) crc: u32,
    pub(crate) data: Vec<u8>,
    /// `data` is the file as it is, for deflating makes it no smaller. Only of files of one block.
    pub(crate) stored: bool,
}

/// Deflates blocks; keeps its memory from one to the next.
pub(crate) struct Deflater {
    deflate: Deflate,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Deflater {
    pub(crate) fn new() -> Self {
        Self {
            deflate: Deflate::new(LEVEL, false, WINDOW_BITS),
            input: Vec::new(),
            output: Vec::new(),
        }
    }

    /// Reads and deflates a block.
    ///
    /// # Errors
    /// The file cannot be read. `UnexpectedEof`: it has another size by now.
    pub(crate) fn block(&mut self, block: &Block<'_>) -> io::Result<Deflated> {
        let dictionary = block.start.min(WINDOW);
        self.read(block, dictionary)?;
        let (dictionary, content) = self.input.split_at(as_index(dictionary));
        self.deflate.reset();
        if !dictionary.is_empty() {
            self.deflate.set_dictionary(dictionary).map_err(failed)?;
        }
        let flush = if block.is_last() { DeflateFlush::Finish } else { DeflateFlush::SyncFlush };
        let length = deflate(&mut self.deflate, content, &mut self.output, flush)?;
        let stored = block.is_first() && block.is_last() && length >= content.len();
        let data = if stored { content } else { &self.output[..length] };
        Ok(Deflated { crc: crc32(0, content), data: data.to_vec(), stored })
    }

    /// Reads the block and the bytes before it. The last block is read with one more byte, to see that
    /// there is none.
    fn read(&mut self, block: &Block<'_>, before: u64) -> io::Result<()> {
        let file = File::open(block.source)?;
        let from = block.start - before;
        self.input.resize(as_index(block.end() - from), 0);
        file.read_exact_at(&mut self.input, from)?;
        if block.is_last() && file.read_at(&mut [0], block.end())? > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Deflates all of `content`; how many bytes of `output` that took.
fn deflate(
    deflate: &mut Deflate,
    content: &[u8],
    output: &mut Vec<u8>,
    flush: DeflateFlush,
) -> io::Result<usize> {
    output.resize(output.len().max(zlib_rs::compress_bound(content.len()) + ROOM_FOR_FLUSH), 0);
    loop {
        let (read, written) = (as_index(deflate.total_in()), as_index(deflate.total_out()));
        let status = deflate.compress(&content[read..], &mut output[written..], flush);
        let status = status.map_err(failed)?;
        let written = as_index(deflate.total_out());
        let has_flushed = flush == DeflateFlush::SyncFlush && written < output.len();
        if status == Status::StreamEnd || has_flushed {
            return Ok(written);
        }
        output.resize(output.len() * 2, 0);
    }
}

/// An empty stored block, and the bits before it.
const ROOM_FOR_FLUSH: usize = 16;

fn failed(error: DeflateError) -> io::Error {
    io::Error::other(format!("deflate: {}", error.as_str()))
}

/// Of what is in memory.
fn as_index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
