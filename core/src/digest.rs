//! Digests and the ids made of them (docs/FORMAT.md section 4).

use crate::types::{Digest, Id};
use sha2::Digest as _;

/// The digest algorithm of a repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// BLAKE3, unkeyed, 32 bytes.
    #[cfg(feature = "blake3")]
    Blake3,
}

impl Algorithm {
    /// The algorithm with this code; none if it is unknown or not built in.
    pub fn from_code(code: u8) -> Option<Algorithm> {
        match code {
            1 => Some(Algorithm::Sha256),
            #[cfg(feature = "blake3")]
            2 => Some(Algorithm::Blake3),
            _ => None,
        }
    }

    /// The code stored for it.
    pub fn code(self) -> u8 {
        match self {
            Algorithm::Sha256 => 1,
            #[cfg(feature = "blake3")]
            Algorithm::Blake3 => 2,
        }
    }
}

/// A digest under way.
#[derive(Clone)]
#[allow(clippy::large_enum_variant)] // without a heap there is nowhere else to put it
pub enum Hasher {
    /// SHA-256.
    Sha256(sha2::Sha256),
    /// BLAKE3.
    #[cfg(feature = "blake3")]
    Blake3(blake3::Hasher),
}

impl Hasher {
    /// Starts a digest of nothing.
    pub fn new(algorithm: Algorithm) -> Hasher {
        match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(sha2::Sha256::new()),
            #[cfg(feature = "blake3")]
            Algorithm::Blake3 => Hasher::Blake3(blake3::Hasher::new()),
        }
    }

    /// Starts the digest of an id: a name, then its parts.
    pub fn named(algorithm: Algorithm, name: &str) -> Hasher {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(name.as_bytes());
        hasher
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Hasher {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            #[cfg(feature = "blake3")]
            Hasher::Blake3(hasher) => {
                hasher.update(bytes);
            }
        }
        self
    }

    /// Adds an integer, as ids hold them.
    pub fn number(&mut self, value: u64) -> &mut Hasher {
        self.update(&value.to_le_bytes())
    }

    /// The digest of all that was added.
    pub fn finish(self) -> [u8; 32] {
        match self {
            Hasher::Sha256(hasher) => hasher.finalize().into(),
            #[cfg(feature = "blake3")]
            Hasher::Blake3(hasher) => hasher.finalize().into(),
        }
    }

    /// The digest as an object's id.
    pub fn id(self) -> Id {
        Id(self.finish())
    }
}

/// H(bytes).
pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    Digest(hasher.finish())
}

/// Whether all bytes are 0. ORs whole chunks, so that the compiler can use wide registers.
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|chunk| chunk.iter().fold(0, |seen, byte| seen | byte) == 0)
}
