//! How code reaches Lambda: in the request, or through S3 when it is too large for that.
//!
//! The key in the bucket is the hash of the zip: what is there already is not uploaded again, and an
//! upload that was interrupted goes on where it stopped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Seek, SeekFrom};

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use lambda_package::Package;
use step_aws::{Call, Guarded};
use step_core::{Fail, output};

use crate::calls;
use crate::{Ctx, UPLOAD_LIMIT};

/// Where Lambda gets the code from.
pub(crate) enum Upload {
    /// The request.
    Direct(Vec<u8>),
    /// An object.
    Stored { bucket: String, key: String },
    /// The registry.
    Image(String),
}

/// Brings a zip to where Lambda can get it.
///
/// # Errors
/// Exit 2: it is too large for a request, and no bucket is named.
pub(crate) async fn upload(
    ctx: &Ctx,
    guarded: &Guarded,
    name: &str,
    package: &Package,
) -> anyhow::Result<Upload> {
    if package.fits_direct_upload() {
        return Ok(Upload::Direct(package.bytes()?));
    }
    let size = package.zipped();
    let Some(bucket) = ctx.s3_bucket.clone() else {
        return Err(Fail::invalid(format!("the zip of {name} has {size} bytes, too many for a request"))
            .help("name a bucket in the function's region: upload-lambda.s3_bucket in landfall.toml, or --s3-bucket")
            .into());
    };
    let key = key(package);
    let one_at_a_time = ctx.storing.lock().await;
    if !is_stored(ctx, &bucket, &key, size).await?
        && let Err(err) = store(ctx, guarded, &bucket, &key, package).await
    {
        // Another run with the same code may have ended the same upload.
        let is_there = is_stored(ctx, &bucket, &key, size).await.unwrap_or(false);
        if !is_there {
            return Err(err);
        }
    }
    drop(one_at_a_time);
    output::say(format!("  {name}: s3://{bucket}/{key}"));
    Ok(Upload::Stored { bucket, key })
}

/// `upload-lambda/HASH.zip`
fn key(package: &Package) -> String {
    let hash = package.sha256().iter().fold(String::new(), |mut hash, byte| {
        let _infallible = write!(hash, "{byte:02x}");
        hash
    });
    format!("upload-lambda/{hash}.zip")
}

async fn is_stored(ctx: &Ctx, bucket: &str, key: &str, size: u64) -> anyhow::Result<bool> {
    calls::repeated(ctx, async || {
        let sent = ctx.s3.head_object().bucket(bucket).key(key).send().await;
        if let Err(err) = &sent
            && err.as_service_error().is_some_and(|err| err.is_not_found())
        {
            return Ok(false);
        }
        let found = sent.call("s3:GetObject")?;
        Ok(found.content_length().and_then(|length| u64::try_from(length).ok()) == Some(size))
    })
    .await
}

/// A part that is there.
#[derive(Debug, Clone)]
struct Part {
    tag: String,
    /// In bytes.
    size: u64,
    /// The checksum that the SDK asked for: where the upload was begun with one, its end has to tell it.
    crc32: Option<String>,
}

/// Uploads the zip in parts.
async fn store(
    ctx: &Ctx,
    _guarded: &Guarded,
    bucket: &str,
    key: &str,
    package: &Package,
) -> anyhow::Result<()> {
    let (id, there) = match under_way(ctx, bucket, key).await? {
        Some(id) => {
            let there = parts(ctx, bucket, key, &id).await?;
            output::say(format!("  going on with an upload that has {} parts", there.len()));
            (id, there)
        }
        None => (begin(ctx, bucket, key).await?, BTreeMap::new()),
    };
    let mut file = package.reader()?;
    let size = package.zipped();
    let count = size.div_ceil(PART);
    let mut progress = output::progress(format!("upload to {bucket}"));
    let mut done = Vec::new();
    for number in 1..=count {
        let start = (number - 1) * PART;
        let length = PART.min(size - start);
        let number = i32::try_from(number)?;
        let part = match there.get(&number) {
            Some(part) if part.size == length => part.clone(),
            _ => {
                let mut bytes = vec![0; usize::try_from(length)?];
                file.seek(SeekFrom::Start(start))?;
                file.read_exact(&mut bytes)?;
                upload_part(ctx, bucket, key, &id, number, bytes).await?
            }
        };
        progress.state(format!("part {number} of {count}"));
        let part = CompletedPart::builder()
            .part_number(number)
            .e_tag(part.tag)
            .set_checksum_crc32(part.crc32);
        done.push(part.build());
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
    calls::repeated(ctx, async || {
        let call = ctx.s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(&id);
        let sent = call.multipart_upload(parts.clone()).send().await;
        sent.call("s3:PutObject").map(drop)
    })
    .await
}

/// Of <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html> 5 MB is the least. Larger ones are
/// fewer calls, and more to do again after an interruption.
const PART: u64 = 8 * 1024 * 1024;

/// The upload of this key that was not ended, if there is one.
async fn under_way(ctx: &Ctx, bucket: &str, key: &str) -> anyhow::Result<Option<String>> {
    let found = calls::repeated(ctx, async || {
        let call = ctx.s3.list_multipart_uploads().bucket(bucket).prefix(key);
        call.send().await.call("s3:ListBucketMultipartUploads")
    })
    .await?;
    let uploads = found.uploads().iter().filter(|upload| upload.key() == Some(key));
    Ok(uploads.filter_map(|upload| upload.upload_id()).next_back().map(str::to_owned))
}

/// The parts that are there, by number.
async fn parts(
    ctx: &Ctx,
    bucket: &str,
    key: &str,
    id: &str,
) -> anyhow::Result<BTreeMap<i32, Part>> {
    let found = calls::repeated(ctx, async || {
        let call = ctx.s3.list_parts().bucket(bucket).key(key).upload_id(id);
        call.send().await.call("s3:ListMultipartUploadParts")
    })
    .await?;
    let part = |part: &aws_sdk_s3::types::Part| {
        let tag = part.e_tag()?.to_owned();
        let size = u64::try_from(part.size()?).ok()?;
        let crc32 = part.checksum_crc32().map(str::to_owned);
        Some((part.part_number()?, Part { tag, size, crc32 }))
    };
    Ok(found.parts().iter().filter_map(part).collect())
}

async fn begin(ctx: &Ctx, bucket: &str, key: &str) -> anyhow::Result<String> {
    let begun = calls::repeated(ctx, async || {
        let call = ctx.s3.create_multipart_upload().bucket(bucket).key(key);
        call.send().await.call("s3:PutObject")
    })
    .await?;
    Ok(begun.upload_id().unwrap_or_default().to_owned())
}

async fn upload_part(
    ctx: &Ctx,
    bucket: &str,
    key: &str,
    id: &str,
    number: i32,
    bytes: Vec<u8>,
) -> anyhow::Result<Part> {
    let limits = TimeoutConfig::builder().operation_attempt_timeout(UPLOAD_LIMIT).build();
    let config = aws_sdk_s3::config::Builder::new().timeout_config(limits);
    let answer = calls::repeated(ctx, async || {
        let call = ctx.s3.upload_part().bucket(bucket).key(key).upload_id(id).part_number(number);
        let call = call.body(ByteStream::from(bytes.clone())).customize();
        call.config_override(config.clone()).send().await.call("s3:PutObject")
    })
    .await?;
    Ok(Part {
        tag: answer.e_tag().unwrap_or_default().to_owned(),
        size: bytes.len() as u64,
        crc32: answer.checksum_crc32().map(str::to_owned),
    })
}

/// The code of a layer, where Lambda can get it.
pub(crate) fn layer_content(upload: &Upload) -> aws_sdk_lambda::types::LayerVersionContentInput {
    let content = aws_sdk_lambda::types::LayerVersionContentInput::builder();
    match upload {
        Upload::Direct(zip) => content.zip_file(aws_sdk_lambda::primitives::Blob::new(zip.clone())),
        Upload::Stored { bucket, key } => content.s3_bucket(bucket).s3_key(key),
        Upload::Image(_) => content,
    }
    .build()
}
