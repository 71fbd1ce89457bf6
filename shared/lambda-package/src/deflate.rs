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

/// Deflates blocks; keeps its buffers from one to the next.
#[derive(Default)]
pub(crate) struct Deflater {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Deflater {
    /// Reads and deflates a block.
    ///
    /// # Errors
    /// The file cannot be read. `UnexpectedEof`: it has another size by now.
    pub(crate) fn block(&mut self, block: &Block<'_>) -> io::Result<Deflated> {
        let dictionary = block.start.min(WINDOW);
        self.read(block, dictionary)?;
        let (dictionary, content) = self.input.split_at(as_index(dictionary));
        // A new one each time: one that is reset finds other matches, depending on what it did before.
        let mut state = Deflate::new(LEVEL, false, WINDOW_BITS);
        if !dictionary.is_empty() {
            state.set_dictionary(dictionary).map_err(failed)?;
        }
        let flush = if block.is_last() { DeflateFlush::Finish } else { DeflateFlush::SyncFlush };
        let length = deflate(&mut state, content, &mut self.output, flush)?;
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
    state: &mut Deflate,
    content: &[u8],
    output: &mut Vec<u8>,
    flush: DeflateFlush,
) -> io::Result<usize> {
    output.resize(output.len().max(zlib_rs::compress_bound(content.len()) + ROOM_FOR_FLUSH), 0);
    loop {
        let (read, written) = (as_index(state.total_in()), as_index(state.total_out()));
        let status = state.compress(&content[read..], &mut output[written..], flush);
        let status = status.map_err(failed)?;
        let written = as_index(state.total_out());
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;
    use zlib_rs::{Inflate, InflateFlush};

    use super::*;

    fn written(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Text in which much is said again, up to the whole window later.
    fn text(length: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(3);
        let mut text: Vec<u8> = (0..20_000).map(|_| random.u8(..)).collect();
        while text.len() < length {
            let length = random.usize(3..200);
            let from = text.len() - random.usize(200..20_000);
            text.extend_from_within(from..from + length);
            text.push(random.u8(..));
        }
        text.truncate(length);
        text
    }

    fn blocks(path: &Path, size: usize) -> Vec<Deflated> {
        let mut deflater = Deflater::default();
        Block::all(path, size as u64).map(|block| deflater.block(&block).unwrap()).collect()
    }

    #[test]
    fn the_blocks_of_a_file_are_one_stream() {
        let folder = TempDir::new().unwrap();
        let content = text(3 * as_index(BLOCK) + 12_345);
        let blocks = blocks(&written(&folder, "file", &content), content.len());
        assert_eq!(blocks.len(), 4);
        let stream = blocks.iter().flat_map(|block| block.data.clone()).collect::<Vec<_>>();
        let mut found = vec![0; content.len() + 1];
        let mut inflate = Inflate::new(false, WINDOW_BITS);
        let status = inflate.decompress(&stream, &mut found, InflateFlush::Finish);
        assert_eq!(status, Ok(Status::StreamEnd));
        assert_eq!(inflate.total_in(), stream.len() as u64);
        found.truncate(as_index(inflate.total_out()));
        assert!(found == content);
    }

    #[test]
    fn a_block_knows_what_stands_before_it() {
        let folder = TempDir::new().unwrap();
        let block = as_index(BLOCK);
        let noise: Vec<u8> = text(20_000).into_iter().cycle().take(20_000).collect();
        // The same noise on both sides of a border: deflated it is there once.
        let content = [vec![b'-'; block - 20_000], noise.clone(), noise].concat();
        let blocks = blocks(&written(&folder, "file", &content), content.len());
        assert!(blocks[0].data.len() > 19_000, "{}", blocks[0].data.len());
        assert!(blocks[1].data.len() < 1000, "{}", blocks[1].data.len());
    }

    #[test]
    fn what_was_deflated_before_does_not_matter() {
        let folder = TempDir::new().unwrap();
        let mut used = Deflater::default();
        for seed in 0..20 {
            // Four letters: matches everywhere, also with what is left from before in the window.
            let mut random = fastrand::Rng::with_seed(seed);
            let content: Vec<u8> = (0..BLOCK + 33_000).map(|_| random.u8(..4)).collect();
            let path = written(&folder, "file", &content);
            for block in Block::all(&path, BLOCK + 33_000) {
                let fresh = Deflater::default().block(&block).unwrap();
                assert!(used.block(&block).unwrap().data == fresh.data, "{seed}: {block:?}");
            }
        }
    }

    #[test]
    fn a_file_of_another_size_than_it_had_is_not_packed() {
        let folder = TempDir::new().unwrap();
        let path = written(&folder, "file", &text(1000));
        for size in [999, 1001, BLOCK + 1] {
            let block = Block::all(&path, size).last().unwrap();
            let error = Deflater::default().block(&block).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{size}");
        }
    }
}
