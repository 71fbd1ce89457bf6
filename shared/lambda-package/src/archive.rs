//! The zip, as PKWARE's APPNOTE.TXT 6.3.10 has it: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.
//!
//! Of it only what a package needs: files, folders and links with the modes of Unix, stored or deflated, sizes in
//! the local headers, no extra fields, no ZIP64. The crate `zip` takes no file that comes in deflated blocks: it deflates
//! each by one thread and holds it in memory.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use zlib_rs::crc32::{crc32, crc32_combine};

use crate::content::{Content, Item};
use crate::deflate::{Block, Deflated, Deflater};
use crate::in_order::in_order;
use crate::{Entry, EntryKind, Error};

/// Writes the zip of `items` to an empty file, in their order.
///
/// # Errors
/// A file cannot be read or has changed; or the zip cannot be written, which is told without its path.
pub(crate) fn write(items: &[Item], threads: usize, file: &File) -> Result<Vec<Entry>, Error> {
    let mut archive =
        Archive { out: BufWriter::with_capacity(BUFFER, file), at: 0, records: Vec::new() };
    in_order(
        threads,
        items.iter().flat_map(parts),
        Deflater::default,
        |deflater, part| {
            let deflated = match &part {
                Part::Whole(..) => None,
                Part::Block(_, block) => Some(deflater.block(block).map_err(unread(block.source))?),
            };
            Ok((part, deflated))
        },
        |done| {
            let (part, deflated) = done?;
            match (part, deflated) {
                (Part::Block(item, block), Some(deflated)) => {
                    archive.block(item, &block, &deflated)
                }
                (part, _) => archive.whole(part.item()).map_err(unwritten),
            }
        },
    )?;
    archive.finish().map_err(unwritten)
}

const BUFFER: usize = 256 * 1024;

/// A part of the zip that one thread does at a time.
enum Part<'a> {
    /// What needs no deflating: a folder, a link, an empty file.
    Whole(&'a Item),
    Block(&'a Item, Block<'a>),
}

impl<'a> Part<'a> {
    fn item(&self) -> &'a Item {
        match self {
            Self::Whole(item) | Self::Block(item, _) => item,
        }
    }
}

fn parts(item: &Item) -> impl Iterator<Item = Part<'_>> {
    let (whole, blocks) = match &item.content {
        Content::File { source, size, .. } if *size > 0 => (None, Some(Block::all(source, *size))),
        _ => (Some(Part::Whole(item)), None),
    };
    let blocks = blocks.into_iter().flatten().map(move |block| Part::Block(item, block));
    whole.into_iter().chain(blocks)
}

struct Archive<'a> {
    out: BufWriter<&'a File>,
    /// How long the zip is so far.
    at: u64,
    records: Vec<Record>,
}

/// What local header and central directory say about an entry.
struct Record {
    entry: Entry,
    deflated: bool,
    crc: u32,
    /// Where its local header begins.
    offset: u64,
}

impl Archive<'_> {
    /// An entry that is not deflated and is in memory.
    fn whole(&mut self, item: &Item) -> io::Result<()> {
        let content = match &item.content {
            Content::Link { target } => target.as_bytes(),
            Content::Folder | Content::File { .. } => &[],
        };
        let mut record = self.record(item);
        record.entry.compressed = content.len() as u64;
        record.crc = crc32(0, content);
        self.begin(record)?;
        self.append(content)
    }

    /// The next block of a file.
    fn block(&mut self, item: &Item, block: &Block<'_>, deflated: &Deflated) -> Result<(), Error> {
        if block.is_first() {
            let mut record = self.record(item);
            record.deflated = !deflated.stored;
            record.crc = deflated.crc;
            record.entry.compressed = deflated.data.len() as u64;
            self.begin(record).map_err(unwritten)?;
        } else if let Some(record) = self.records.last_mut() {
            record.crc = crc32_combine(record.crc, deflated.crc, block.length());
            record.entry.compressed += deflated.data.len() as u64;
        }
        self.append(&deflated.data).map_err(unwritten)?;
        if block.is_last() && !block.is_first() {
            self.complete(block.source)?;
        }
        Ok(())
    }

    /// Corrects the local header of a file that had several blocks, and stores the file if deflating made it
    /// no smaller.
    fn complete(&mut self, source: &Path) -> Result<(), Error> {
        let Some(mut record) = self.records.pop() else { return Ok(()) };
        if record.entry.compressed >= record.entry.size {
            record.deflated = false;
            record.entry.compressed = record.entry.size;
        }
        self.out.seek(SeekFrom::Start(record.offset)).map_err(unwritten)?;
        let end = record.end();
        let (is_stored, size, crc) = (!record.deflated, record.entry.size, record.crc);
        self.begin(record).map_err(unwritten)?;
        if is_stored {
            self.store(source, size, crc)?;
        }
        self.at = end;
        self.out.seek(SeekFrom::Start(end)).map_err(unwritten)?;
        Ok(())
    }

    /// Copies a file into the zip.
    fn store(&mut self, source: &Path, size: u64, crc: u32) -> Result<(), Error> {
        let unread = unread(source);
        let mut file = File::open(source).map_err(&unread)?;
        let mut buffer = vec![0; BUFFER];
        let (mut copied, mut copied_crc) = (0, 0);
        loop {
            let read = file.read(&mut buffer).map_err(&unread)?;
            if read == 0 {
                break;
            }
            self.append(&buffer[..read]).map_err(unwritten)?;
            copied += read as u64;
            copied_crc = crc32(copied_crc, &buffer[..read]);
        }
        if (copied, copied_crc) == (size, crc) {
            Ok(())
        } else {
            Err(unread(io::ErrorKind::UnexpectedEof.into()))
        }
    }

    fn finish(mut self) -> io::Result<Vec<Entry>> {
        let directory = self.at;
        for at in 0..self.records.len() {
            let header = self.records[at].central_header();
            self.append(&header)?;
        }
        let end = end_of_directory(self.records.len(), directory, self.at - directory);
        self.append(&end)?;
        self.out.flush()?;
        // What was stored in the end may have been longer before.
        self.out.get_ref().set_len(self.at)?;
        Ok(self.records.into_iter().map(|record| record.entry).collect())
    }

    fn record(&self, item: &Item) -> Record {
        let (kind, mode) = match &item.content {
            Content::Folder => (EntryKind::Folder, 0o755),
            Content::File { executable: true, .. } => (EntryKind::File, 0o755),
            Content::File { executable: false, .. } => (EntryKind::File, 0o644),
            Content::Link { .. } => (EntryKind::Link, 0o777),
        };
        let entry = Entry { path: item.path.clone(), kind, mode, size: item.size(), compressed: 0 };
        Record { entry, deflated: false, crc: 0, offset: self.at }
    }

    fn begin(&mut self, record: Record) -> io::Result<()> {
        self.at = record.offset;
        self.append(&record.local_header())?;
        self.records.push(record);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// 2.0: folders and deflate.
const VERSION: u16 = 20;
/// Modes are those of Unix.
const MADE_BY_UNIX: u16 = 3 << 8 | VERSION;
/// The name is UTF-8.
const UTF_8: u16 = 1 << 11;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// 1980-01-01, the first that MS-DOS has.
const DATE: u16 = 1 << 5 | 1;
const MIDNIGHT: u16 = 0;
/// Bit of MS-DOS.
const IS_FOLDER: u32 = 1 << 4;

const LOCAL_HEADER_LENGTH: usize = 30;

impl Record {
    /// APPNOTE 4.3.7.
    fn local_header(&self) -> Vec<u8> {
        let mut header = Bytes::default();
        header.u32(0x0403_4b50);
        self.common(&mut header);
        header.0.extend(self.name().as_bytes());
        header.0
    }

    /// APPNOTE 4.3.12.
    fn central_header(&self) -> Vec<u8> {
        let (kind, folder) = match self.entry.kind {
            EntryKind::Folder => (0o040_000, IS_FOLDER),
            EntryKind::File => (0o100_000, 0),
            EntryKind::Link => (0o120_000, 0),
        };
        let mut header = Bytes::default();
        header.u32(0x0201_4b50);
        header.u16(MADE_BY_UNIX);
        self.common(&mut header);
        header.u16(0); // no comment
        header.u16(0); // on the first disk
        header.u16(0); // not known to be text
        header.u32((kind | self.entry.mode) << 16 | folder);
        header.u32(short(self.offset));
        header.0.extend(self.name().as_bytes());
        header.0
    }

    /// What both headers have.
    fn common(&self, header: &mut Bytes) {
        header.u16(VERSION);
        header.u16(if self.entry.path.is_ascii() { 0 } else { UTF_8 });
        header.u16(if self.deflated { DEFLATED } else { STORED });
        header.u16(MIDNIGHT);
        header.u16(DATE);
        header.u32(self.crc);
        header.u32(short(self.entry.compressed));
        header.u32(short(self.entry.size));
        header.u16(count(self.name().len()));
        header.u16(0); // no extra field
    }

    fn name(&self) -> String {
        let slash = if self.entry.kind == EntryKind::Folder { "/" } else { "" };
        format!("{}{slash}", self.entry.path)
    }

    /// Where the next one begins.
    fn end(&self) -> u64 {
        let header = LOCAL_HEADER_LENGTH + self.name().len();
        self.offset + header as u64 + self.entry.compressed
    }
}

/// APPNOTE 4.3.16.
fn end_of_directory(entries: usize, start: u64, length: u64) -> Vec<u8> {
    let mut end = Bytes::default();
    end.u32(0x0605_4b50);
    end.u16(0); // this disk
    end.u16(0); // the disk with the directory
    end.u16(count(entries));
    end.u16(count(entries));
    end.u32(short(length));
    end.u32(short(start));
    end.u16(0); // no comment
    end.0
}

/// Numbers of a zip: little-endian.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16(&mut self, number: u16) {
        self.0.extend(number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }
}

/// Sizes and offsets, which the limits of Lambda keep far below 4 GiB.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Of entries and of bytes in a name, which limits and Linux keep below 65535.
fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn unread(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| match source.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => {
            Error::Changed { path: path.to_owned() }
        }
        _ => Error::Read { path: path.to_owned(), source },
    }
}

fn unwritten(source: io::Error) -> Error {
    Error::Write { path: Default::default(), source }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::ENTRIES_LIMIT;

    #[test]
    fn as_many_entries_as_a_zip_can_count_are_read_back() {
        let item = |number| Item { path: format!("{number:x}"), content: Content::Folder };
        let items: Vec<Item> = (0..ENTRIES_LIMIT).map(item).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(write(&items, 2, file.as_file()).unwrap().len(), ENTRIES_LIMIT);
        let count = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))";
        let output = Command::new("python3").args(["-c", count]).arg(file.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "65534");
        let unzip = Command::new("unzip").arg("-tq").arg(file.path()).output().unwrap();
        assert!(unzip.status.success(), "{}", String::from_utf8_lossy(&unzip.stdout));
    }

    #[test]
    fn a_file_that_changes_between_deflating_and_storing_is_not_packed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "after").unwrap();
        let zip = tempfile::tempfile().unwrap();
        let mut archive = Archive { out: BufWriter::new(&zip), at: 0, records: Vec::new() };
        let mut store = |size, crc| archive.store(file.path(), size, crc);
        assert!(store(5, crc32(0, b"after")).is_ok());
        assert!(matches!(store(5, crc32(0, b"befor")), Err(Error::Changed { .. })));
        assert!(matches!(store(6, crc32(0, b"after")), Err(Error::Changed { .. })));
    }
}
