//! A batch of the trash: what one action has removed, written down before it is.
//!
//! A line for each thing, behind a line for the action. Lines are written and synced before what they name is moved away, so
//! what is moved is always named somewhere. A line whose thing is still in its place does no harm, and a last line that is
//! cut short names nothing that was moved.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use futures_util::TryStreamExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::oci::{Digest, MediaType, RepositoryName, Tag};
use crate::registry::{Actor, Registry, RegistryError, Result, layout};
use crate::storage::Stage;

/// The longest line. A repository's name and a digest are some hundred bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// The name of a batch: when it began, and something by which two of one moment differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(String);

/// A text is no name of a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a batch of the trash is named like 20261127T232024.123Z-1f2e3d4c, not {0:?}")]
pub struct BatchIdError(String);

impl BatchId {
    /// A new name.
    pub(super) fn new(at: OffsetDateTime) -> BatchId {
        let format = format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:3]Z");
        let at = at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default();
        let random = uuid::Uuid::new_v4().simple().to_string();
        BatchId(format!("{at}-{}", &random[..8]))
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BatchId {
    type Err = BatchIdError;

    fn from_str(text: &str) -> std::result::Result<Self, BatchIdError> {
        let is_plain =
            text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f' | b'T' | b'Z' | b'.' | b'-'));
        let looks_so =
            text.len() == 29 && text.as_bytes().get(8) == Some(&b'T') && text.as_bytes().get(19) == Some(&b'Z');
        match is_plain && looks_so {
            true => Ok(BatchId(text.to_owned())),
            false => Err(BatchIdError(text.chars().take(140).collect())),
        }
    }
}

impl Serialize for BatchId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BatchId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The action that removed what is in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By whom.
    pub by: Actor,
    /// What was done.
    pub what: What,
}

/// What removes things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The collection of garbage.
    Collection,
    /// Somebody deleted a manifest.
    ManifestDeletion,
    /// Somebody deleted a repository.
    RepositoryDeletion,
    /// The rules of retention.
    Retention,
}

/// Something that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "removed", rename_all = "kebab-case")]
pub enum Removed {
    /// The content of a digest, which stands beside its place.
    Blob {
        /// Its digest.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// A repository's link to a blob.
    Layer {
        /// The repository.
        repository: RepositoryName,
        /// The blob.
        digest: Digest,
        /// What the link held.
        target: Digest,
    },
    /// A repository's manifest.
    Manifest {
        /// The repository.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// What was noted of its type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<MediaType>,
        /// The tags that pointed at it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<Tag>,
        /// The blobs of it that the repository held, each with what its link held.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<(Digest, Digest)>,
    },
    /// A whole repository, whose directories stand in the batch.
    Repository {
        /// Its name.
        repository: RepositoryName,
    },
}

impl Removed {
    /// The repository that it was removed from, if it is not content of all of them.
    pub(super) fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Removed::Blob { .. } => None,
            Removed::Layer { repository, .. }
            | Removed::Manifest { repository, .. }
            | Removed::Repository { repository } => Some(repository),
        }
    }
}

/// A batch that is being written.
pub(crate) struct Batch {
    id: BatchId,
    log: Box<dyn Stage>,
    /// How long the log is, in bytes.
    length: u64,
}

impl Batch {
    /// Names the batch.
    pub(crate) fn id(&self) -> &BatchId {
        &self.id
    }

    /// Writes down what is to be removed. When this returns, that survives a power cut.
    pub(crate) async fn write(&mut self, registry: &Registry, removed: &[Removed]) -> Result<()> {
        let mut lines = Vec::new();
        for removed in removed {
            write_line(&mut lines, removed)?;
        }
        let lines = Bytes::from(lines);
        match self.append(lines.clone()).await {
            Err(RegistryError::Full(_)) if registry.storage.make_room().await.unwrap_or(false) => {
                // What of it was written is overwritten.
                self.log = registry.storage.stage(&layout::batch_log(&self.id), self.length).await?;
                self.append(lines).await
            }
            written => written,
        }
    }

    async fn append(&mut self, lines: Bytes) -> Result<()> {
        let length = lines.len() as u64;
        self.log.append(vec![lines], Box::new(|| {})).await?;
        self.log.sync().await?;
        self.length += length;
        Ok(())
    }
}

fn write_line(lines: &mut Vec<u8>, line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *lines, line).map_err(|error| RegistryError::Damaged(error.to_string()))?;
    lines.push(b'\n');
    Ok(())
}

impl Registry {
    /// Writes a batch down as a whole.
    pub(crate) async fn put_batch(&self, what: What, by: &Actor, removed: &[Removed]) -> Result<BatchId> {
        let at = OffsetDateTime::from(self.clock.now());
        let id = BatchId::new(at);
        let mut lines = Vec::new();
        write_line(&mut lines, &Action { at, by: by.clone(), what })?;
        removed.iter().try_for_each(|removed| write_line(&mut lines, removed))?;
        self.storage.put(&layout::batch_log(&id), Bytes::from(lines)).await?;
        Ok(id)
    }

    /// Begins a batch.
    pub(crate) async fn begin_batch(&self, what: What, by: &Actor) -> Result<Batch> {
        // The first line goes the usual way, so that the directories above survive with it.
        let id = self.despite_a_full_disk(|| self.put_batch(what, by, &[])).await?;
        let key = layout::batch_log(&id);
        let length = self.storage.stat(&key).await?.size;
        Ok(Batch { id, log: self.storage.stage(&key, length).await?, length })
    }

    /// The action that made a batch. `None` if there is no such batch, or its first line is damaged.
    pub(super) async fn action_of(&self, id: &BatchId) -> Result<Option<Action>> {
        let log = match self.storage.open(&layout::batch_log(id)).await {
            Ok(log) => log,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let beginning: Vec<Bytes> = log.read(0..log.size().min(LONGEST_LINE as u64)).try_collect().await?;
        let beginning = beginning.concat();
        Ok(beginning.split(|byte| *byte == b'\n').next().and_then(|line| serde_json::from_slice(line).ok()))
    }

    /// Reads a batch: the action, and with `each` what it removed, one after another. `None` if there is no such batch, or
    /// one whose first line is damaged.
    pub(in crate::registry) async fn read_batch(
        &self,
        id: &BatchId,
        mut each: impl FnMut(Removed),
    ) -> Result<Option<Action>> {
        let log = match self.storage.open(&layout::batch_log(id)).await {
            Ok(log) => log,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut pieces = log.read(0..log.size());
        let (mut rest, mut action) = (Vec::new(), None);
        while let Some(piece) = pieces.try_next().await? {
            rest.extend_from_slice(&piece);
            let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
                if rest.len() > LONGEST_LINE {
                    return Ok(action);
                }
                continue;
            };
            for line in rest[..end].split(|byte| *byte == b'\n') {
                match &action {
                    None => match serde_json::from_slice(line) {
                        Ok(first) => action = Some(first),
                        Err(_) => return Ok(None),
                    },
                    // What a later version writes is not for this one.
                    Some(_) => serde_json::from_slice(line).into_iter().for_each(&mut each),
                }
            }
            rest.drain(..=end);
        }
        Ok(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_named_by_its_time_and_names_sort_by_it() {
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let (first, second) = (BatchId::new(at(1_000_000_000)), BatchId::new(at(1_000_000_001)));
        assert!(first < second);
        assert!(first.as_str().starts_with("20010909T014640.000Z-"), "{first}");
        assert_eq!(first.as_str().parse(), Ok(first));
        for text in
            ["", "..", "20010909T014640.000Z-../../..", "20010909T014640.000Z-12345678/", "x".repeat(29).as_str()]
        {
            assert!(text.parse::<BatchId>().is_err(), "{text}");
        }
    }
}
