//! Seeded random numbers: the same on every platform and for any number of threads.

/// `SplitMix64` (Steele, Lea and Flood 2014): 64 bits of state, passes `BigCrush`, and any state may be jumped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Rng {
    /// A stream that `seed` alone decides.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// An independent stream named by `stream`, for example one per tree.
    #[must_use]
    pub fn fork(&self, stream: u64) -> Self {
        Self { state: mix(self.state ^ mix(stream.wrapping_mul(GOLDEN).wrapping_add(1))) }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in `[0, bound)`; `bound` must not be 0. Lemire's multiply, whose bias is below 2⁻³² for bounds below 2³².
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Uniform in `[0, 1)` with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// `k` distinct indices below `n`, in rising order (Floyd's sampling would not be sorted; this is one pass). O(n).
    pub fn sample_sorted(&mut self, n: usize, k: usize) -> Vec<u32> {
        let mut wanted = k.min(n);
        let mut chosen = Vec::with_capacity(wanted);
        for index in 0..n {
            if wanted == 0 {
                break;
            }
            if self.below((n - index) as u64) < wanted as u64 {
                chosen.push(index as u32);
                wanted -= 1;
            }
        }
        chosen
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_stream_of_splitmix64() {
        // Reference values of Vigna's splitmix64.c for the seed 1234567.
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn forks_differ_and_repeat() {
        let rng = Rng::new(7);
        assert_eq!(rng.fork(3), rng.fork(3));
        assert_ne!(rng.fork(3).next_u64(), rng.fork(4).next_u64());
    }

    #[test]
    fn samples_are_sorted_distinct_and_fair() {
        let mut rng = Rng::new(1);
        let mut hits = [0u32; 10];
        for _ in 0..2000 {
            let sample = rng.sample_sorted(10, 3);
            assert_eq!(sample.len(), 3);
            assert!(sample.is_sorted_by(|a, b| a < b));
            for &i in &sample {
                hits[i as usize] += 1;
            }
        }
        assert!(hits.iter().all(|&h| (480..720).contains(&h)), "{hits:?}");
        assert_eq!(rng.sample_sorted(3, 9), [0, 1, 2]);
    }

    #[test]
    fn uniform_stays_in_its_interval() {
        let mut rng = Rng::new(5);
        let mean = (0..4000).map(|_| rng.uniform()).inspect(|u| assert!((0.0..1.0).contains(u))).sum::<f64>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
        assert!((0..1000).all(|_| rng.below(7) < 7));
    }
}
