//! Clients that push, move tags, delete, mount and pull all at once, until the server is gone.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use crate::chance::Chance;
use crate::images::{Blob, Image, Pooled, empty};
use crate::model::{Model, TAGS, UnderWay, look};
use crate::pushes::{self, Broken, Pending};
use crate::support::content::sha256;
use crate::wire::{Lost, Wire};

/// What all clients share.
pub(crate) struct World {
    pub(crate) model: Mutex<Model>,
    pub(crate) pool: Vec<Pooled>,
    pub(crate) repositories: Vec<String>,
    /// Told of each acknowledgement as it comes.
    pub(crate) news: Sender<Acknowledged>,
}

/// Something that was just acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    Blob,
    Manifest,
    Deletion,
}

/// One of the clients.
pub(crate) struct Client<'a> {
    pub(crate) world: &'a World,
    pub(crate) wire: Wire,
    pub(crate) chance: Chance,
}

impl Client<'_> {
    /// Does one thing after the other until the server is gone. Returns how much it has done.
    pub(crate) fn run(&mut self) -> usize {
        for done in 0.. {
            if let Err(Broken(pending)) = self.step() {
                look(&self.world.model).pending.extend(pending);
                return done;
            }
        }
        unreachable!()
    }

    fn step(&mut self) -> Result<(), Broken> {
        let repository = self.chance.pick(&self.world.repositories).clone();
        match self.chance.below(20) {
            0..4 => self.push_fresh(&repository).map(drop),
            4..7 => self.push_again(&repository),
            7..10 => Ok(self.move_tag(&repository)?),
            10..12 => Ok(self.delete_tag(&repository)?),
            12 => Ok(self.delete_manifest(&repository)?),
            13 => self.push_index(&repository),
            14..16 => self.push_note(&repository),
            16 => Ok(self.leave_upload(&repository)?),
            _ => Ok(self.pull(&repository)?),
        }
    }

    /// Pushes an image that nobody has seen and, mostly, a tag for it.
    fn push_fresh(&mut self, repository: &str) -> Result<usize, Broken> {
        let mut blobs = vec![Blob::small(&mut self.chance), Blob::small(&mut self.chance)];
        if self.chance.one_in(5) {
            blobs.push(Blob::large(&mut self.chance));
        }
        for blob in &blobs {
            self.push_blob(repository, blob)?;
        }
        if self.chance.one_in(2) {
            let shared = self.chance.pick(&self.world.pool).blobs[1].clone();
            self.mount_or_push(repository, &shared)?;
            blobs.push(shared);
        }
        let number = look(&self.world.model).add(Image::of(&blobs));
        let tag = (!self.chance.one_in(3)).then(|| *self.chance.pick(&TAGS));
        self.put(repository, number, tag)?;
        Ok(number)
    }

    /// Pushes an image that is there, or was, as clients do: what the registry has is not sent again, or is.
    pub(crate) fn push_again(&mut self, repository: &str) -> Result<(), Broken> {
        let pooled = self.chance.pick(&self.world.pool);
        self.push_pooled(repository, pooled)
    }

    pub(crate) fn push_pooled(&mut self, repository: &str, pooled: &Pooled) -> Result<(), Broken> {
        for blob in &pooled.blobs {
            let path = format!("/v2/{repository}/blobs/{}", blob.digest);
            let there = self.wire.ask("HEAD", &path, &[], b"")?.is_one_of(&[200, 404]) == 200;
            if !there || self.chance.one_in(5) {
                self.push_blob(repository, blob)?;
            }
        }
        let tag = *self.chance.pick(&TAGS);
        Ok(self.put(repository, pooled.number, Some(tag))?)
    }

    fn push_blob(&mut self, repository: &str, blob: &Blob) -> Result<(), Broken> {
        pushes::push(&mut self.wire, &mut self.chance, repository, blob)?;
        look(&self.world.model).holds_blob(repository, &blob.digest);
        self.tell(Acknowledged::Blob);
        Ok(())
    }

    /// Mounts a blob from where it is, if it is anywhere.
    fn mount_or_push(&mut self, repository: &str, blob: &Blob) -> Result<(), Broken> {
        let from = {
            let model = look(&self.world.model);
            let mut holding = model
                .repositories
                .iter()
                .filter(|(name, held)| *name != repository && held.blobs.contains(&blob.digest));
            holding.next().map(|(name, _)| name.clone())
        };
        let Some(from) = from else { return self.push_blob(repository, blob) };
        let path = format!("/v2/{repository}/blobs/uploads/?mount={}&from={from}", blob.digest);
        self.wire.ask("POST", &path, &[], b"")?.is(201);
        look(&self.world.model).holds_blob(repository, &blob.digest);
        Ok(())
    }

    /// Puts a manifest, under its digest and maybe under a tag.
    fn put(&mut self, repository: &str, number: usize, tag: Option<&'static str>) -> Result<(), Lost> {
        let (image, request) = {
            let mut model = look(&self.world.model);
            (Arc::clone(&model.images[number]), model.putting(repository, number, tag))
        };
        let path = format!("/v2/{repository}/manifests/{}", tag.unwrap_or(&image.digest));
        let headers = [("content-type", image.media_type())];
        let reply = self.wire.ask("PUT", &path, &headers, &image.manifest.bytes)?.is(201);
        assert_eq!(reply.header("docker-content-digest"), Some(image.digest.as_str()));
        self.answered(request, true);
        self.tell(Acknowledged::Manifest);
        Ok(())
    }

    /// Moves a tag to one of two images.
    fn move_tag(&mut self, repository: &str) -> Result<(), Broken> {
        let pooled = &self.world.pool[self.chance.below(2)];
        let missing: Vec<Blob> = {
            let mut model = look(&self.world.model);
            let held = &model.held(repository).blobs;
            pooled.blobs.iter().filter(|blob| !held.contains(&blob.digest)).cloned().collect()
        };
        for blob in missing {
            self.push_blob(repository, &blob)?;
        }
        Ok(self.put(repository, pooled.number, Some(TAGS[0]))?)
    }

    fn delete_tag(&mut self, repository: &str) -> Result<(), Lost> {
        let tag = *self.chance.pick(&TAGS);
        let request = look(&self.world.model).untagging(repository, tag);
        self.delete(&format!("/v2/{repository}/manifests/{tag}"), request)
    }

    fn delete_manifest(&mut self, repository: &str) -> Result<(), Lost> {
        let (digest, request) = {
            let mut model = look(&self.world.model);
            let held = model.held(repository);
            let known = held.manifests.keys().filter(|number| !held.kept.contains(number));
            let known: Vec<usize> = known.copied().collect();
            if known.is_empty() {
                return Ok(());
            }
            let number = *self.chance.pick(&known);
            (model.images[number].digest.clone(), model.deleting(repository, number))
        };
        self.delete(&format!("/v2/{repository}/manifests/{digest}"), request)
    }

    fn delete(&mut self, path: &str, request: UnderWay) -> Result<(), Lost> {
        let done = self.wire.ask("DELETE", path, &[], b"")?.is_one_of(&[202, 404]) == 202;
        self.answered(request, done);
        if done {
            self.tell(Acknowledged::Deletion);
        }
        Ok(())
    }

    fn tell(&self, what: Acknowledged) {
        // Nobody listens once the run is over.
        let _ = self.world.news.send(what);
    }

    fn answered(&self, request: UnderWay, done: bool) {
        look(&self.world.model).answered(request, done);
    }

    /// Pushes an index of two images that nobody deletes.
    fn push_index(&mut self, repository: &str) -> Result<(), Broken> {
        let mut children = Vec::new();
        for _ in 0..2 {
            let blobs = [Blob::small(&mut self.chance), Blob::small(&mut self.chance)];
            for blob in &blobs {
                self.push_blob(repository, blob)?;
            }
            let number = {
                let mut model = look(&self.world.model);
                let number = model.add(Image::of(&blobs));
                model.held(repository).kept.insert(number);
                number
            };
            self.put(repository, number, None)?;
            children.push(number);
        }
        let number = {
            let mut model = look(&self.world.model);
            let index = Image::index(&[&model.images[children[0]], &model.images[children[1]]]);
            model.add(index)
        };
        let tag = self.chance.one_in(2).then(|| *self.chance.pick(&TAGS));
        Ok(self.put(repository, number, tag)?)
    }

    /// Pushes something that refers to an image, which may be there or not.
    fn push_note(&mut self, repository: &str) -> Result<(), Broken> {
        let empty = empty();
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", empty.digest);
        self.wire.ask("POST", &path, &[], &empty.content)?.is(201);
        let number = {
            let mut model = look(&self.world.model);
            model.holds_blob(repository, &empty.digest);
            let subject = Arc::clone(self.chance.pick(&model.images));
            model.add(Image::about(&subject, self.chance.next()))
        };
        Ok(self.put(repository, number, None)?)
    }

    /// Begins an upload and goes on with it after the next end.
    fn leave_upload(&mut self, repository: &str) -> Result<(), Lost> {
        let blob = Blob::small(&mut self.chance);
        let mut pending = pushes::begin(&mut self.wire, repository, &blob)?;
        let to = self.chance.between(2, blob.content.len());
        let sent = pushes::chunk(&mut self.wire, &mut pending, to);
        self.leave(pending);
        sent
    }

    fn leave(&self, pending: Pending) {
        look(&self.world.model).pending.push(pending);
    }

    /// Pulls what a tag points at, with everything it needs. Blobs are never deleted here.
    fn pull(&mut self, repository: &str) -> Result<(), Lost> {
        let tag = *self.chance.pick(&TAGS);
        let got = self.wire.get(&format!("/v2/{repository}/manifests/{tag}"))?;
        if got.is_one_of(&[200, 404]) == 404 {
            return Ok(());
        }
        let digest = sha256(&got.body);
        assert_eq!(got.header("docker-content-digest"), Some(digest.as_str()));
        let image = look(&self.world.model).images.iter().find(|image| image.digest == digest).cloned();
        let image = image.unwrap_or_else(|| panic!("{repository}:{tag} is {digest}, which nobody pushed"));
        for blob in &image.blobs {
            let got = self.wire.get(&format!("/v2/{repository}/blobs/{blob}"))?.is(200);
            assert_eq!(sha256(&got.body), *blob);
        }
        Ok(())
    }
}
